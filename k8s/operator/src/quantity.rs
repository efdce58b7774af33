//! Amounts as Kubernetes writes them: `512Mi`, `5Gi`, `1e9`.

/// In bytes; `None` for what is no amount.
pub fn bytes(text: &str) -> Option<u128> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: u128 = number.parse().ok()?;
    let factor = match unit {
        "" => 1,
        "k" => 1_000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "T" => 1_000_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        "Ti" => 1 << 40,
        _ => return None,
    };
    number.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn amounts_are_bytes() {
        assert_eq!(bytes("5Gi"), Some(5 << 30));
        assert_eq!(bytes("1500M"), Some(1_500_000_000));
        assert_eq!(bytes("12"), Some(12));
        for wrong in ["", "Gi", "-1Gi", "1.5Gi", "1 Gi", "5GB"] {
            assert_eq!(bytes(wrong), None, "{wrong}");
        }
    }
}
