//! What half of the days are like, and where the usual ends.

/// Median, and what 15 % of the values lie below and above.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Quantiles {
    /// 15 % lie below.
    pub low: f64,
    /// Half lie below.
    pub median: f64,
    /// 15 % lie above.
    pub high: f64,
}

/// Quantiles of values, interpolated between neighbours; `None` without any.
pub fn quantiles(mut values: Vec<f64>) -> Option<Quantiles> {
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    let at = |share: f64| {
        let place = share * f64::from(u32::try_from(last).unwrap_or(u32::MAX));
        let below =
            (0..=last).rfind(|index| f64::from(u32::try_from(*index).unwrap_or(u32::MAX)) <= place).unwrap_or(0);
        let part = place - f64::from(u32::try_from(below).unwrap_or(u32::MAX));
        let above = values.get(below + 1).copied().unwrap_or(values[below]);
        values[below] + (above - values[below]) * part
    };
    Some(Quantiles { low: at(0.15), median: at(0.5), high: at(0.85) })
}

#[cfg(test)]
mod tests {
    //! Quantiles between values.

    use super::quantiles;

    #[test]
    fn quantiles_lie_between_the_values_they_fall_between() {
        assert_eq!(quantiles(Vec::new()), None);
        let one = quantiles(vec![7.0]).unwrap();
        assert_eq!((one.low, one.median, one.high), (7.0, 7.0, 7.0));
        let many = quantiles((0..=20).rev().map(f64::from).collect()).unwrap();
        assert_eq!((many.low, many.median, many.high), (3.0, 10.0, 17.0));
        let two = quantiles(vec![10.0, 20.0]).unwrap();
        assert_eq!((two.low, two.median, two.high), (11.5, 15.0, 18.5));
    }
}
