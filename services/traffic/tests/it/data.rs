//! The Los-loop file of the real data, where it is.

/// The Los-loop file: ids and rows of speeds in mph, five minutes apart.
pub(crate) struct LosLoop {
    pub(crate) ids: Vec<String>,
    pub(crate) rows: Vec<Vec<f64>>,
    /// Weights of nearness between detectors.
    pub(crate) nearness: Vec<Vec<f64>>,
}

impl LosLoop {
    pub(crate) fn read(test: &str) -> Option<Self> {
        let Some(folder) = kvartal_testing::real_data() else {
            eprintln!("{test}: NOT RUN, there is no folder of real data; name it in KVARTAL_DATA");
            return None;
        };
        let folder = folder.join("los-loop");
        let text = |name: &str| std::fs::read_to_string(folder.join(name)).expect("the data folder is complete");
        let numbers = |line: &str| line.split(',').map(|cell| cell.trim().parse().unwrap()).collect::<Vec<f64>>();
        let speeds = text("los_speed_train.csv");
        let mut lines = speeds.lines();
        let ids: Vec<String> = lines.next().unwrap().split(',').map(str::to_owned).collect();
        let rows: Vec<Vec<f64>> = lines.map(numbers).collect();
        let nearness: Vec<Vec<f64>> = text("los_adj.csv").lines().map(numbers).collect();
        assert_eq!((ids.len(), rows.len(), nearness.len()), (207, 1_612, 207));
        assert!(rows.iter().all(|row| row.len() == 207));
        Some(Self { ids, rows, nearness })
    }

    /// The values of a detector.
    pub(crate) fn series(&self, detector: usize) -> impl Iterator<Item = f64> {
        self.rows.iter().map(move |row| row[detector])
    }
}
