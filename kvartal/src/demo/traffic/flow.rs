//! Traffic as a flow: the cell transmission model on a network.
//!
//! Each road is cut into cells at least as long as a vehicle drives in one step. Between two cells flows the lesser of what
//! the first can send and what the second can take, both from a triangular fundamental diagram (C. Daganzo, "The cell
//! transmission model", Transportation Research B 28, 1994; "part II", B 29, 1995), which is Godunov's scheme for the
//! LWR equation. At crossings vehicles leave the network, or turn by shares; each turn has lanes of its own, so a queue for
//! one does not hold up the others (non-FIFO diverge), and who merges into a road gets a part of the place in proportion to
//! what wants in (fair merge). Vehicles are neither made nor lost but at their sources and ends; that is a test.

/// Seconds of one step. A cell is at least this long at free speed.
pub(crate) const STEP_S: f64 = 15.0;
/// Vehicles that wait at most to get onto a road; who would wait behind them stays at home.
const WAITING_MAX: f64 = 120.0;

/// What a road can carry.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Diagram {
    /// Metres per second when the road is free.
    pub(crate) free_speed: f64,
    /// Vehicles per second at most, all lanes together.
    pub(crate) capacity: f64,
    /// Vehicles per metre when nothing moves, all lanes together.
    pub(crate) jam_density: f64,
}

impl Diagram {
    /// Metres per second at which the end of a queue moves backwards.
    fn wave_speed(&self) -> f64 {
        self.capacity / (self.jam_density - self.capacity / self.free_speed)
    }
}

/// A road of the model.
#[derive(Clone, Debug)]
pub(crate) struct Stretch {
    /// What it can carry.
    pub(crate) diagram: Diagram,
    /// Metres.
    pub(crate) length_m: f64,
    /// Where those who do not leave the network turn: roads that begin where this one ends.
    pub(crate) onward: Vec<usize>,
}

/// What moves the traffic at a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Drive {
    /// Vehicles per second that want onto each road.
    pub(crate) source: Vec<f64>,
    /// Share of those at the end of each road who have arrived.
    pub(crate) leave: Vec<f64>,
    /// Shares of the turns, as [`Stretch::onward`] lists them; those of one road add up to 1.
    pub(crate) turns: Vec<Vec<f64>>,
    /// Share of its capacity that each road has: less than 1 where something stands in the way.
    pub(crate) open: Vec<f64>,
}

/// What was seen in the middle of a road since the last look.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub(crate) struct Seen {
    /// Vehicles that passed.
    pub(crate) passed: f64,
    /// Vehicles per metre on average, all lanes together.
    pub(crate) density: f64,
    /// Metres per second, by flow and density.
    pub(crate) speed: f64,
    /// How long was looked.
    pub(crate) seconds: f64,
}

/// The network with its vehicles.
#[derive(Clone, Debug)]
pub(crate) struct Flow {
    stretches: Vec<Stretch>,
    /// First cell of each road; one more entry at the end.
    first: Vec<usize>,
    /// Vehicles in each cell.
    vehicles: Vec<f64>,
    /// Vehicles that wait to get onto each road.
    waiting: Vec<f64>,
    seen: Vec<Sum>,
    /// What the roads want of each other in this step; kept to spare allocations.
    wanted: Vec<f64>,
    entered: Vec<f64>,
    sent: Vec<f64>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    passed: f64,
    vehicle_s: f64,
    seconds: f64,
}

impl Flow {
    /// An empty network.
    pub(crate) fn new(stretches: Vec<Stretch>) -> Self {
        let mut first = vec![0];
        for stretch in &stretches {
            let cells = (stretch.length_m / (stretch.diagram.free_speed * STEP_S)).floor().max(1.0) as usize;
            first.push(first.last().copied().unwrap_or(0) + cells);
        }
        let (roads, cells) = (stretches.len(), first.last().copied().unwrap_or(0));
        Self {
            stretches,
            first,
            vehicles: vec![0.0; cells],
            waiting: vec![0.0; roads],
            seen: vec![Sum::default(); roads],
            wanted: vec![0.0; roads],
            entered: vec![0.0; roads],
            sent: vec![0.0; roads],
        }
    }

    /// One step of [`STEP_S`].
    pub(crate) fn step(&mut self, drive: &Drive) {
        self.want(drive);
        self.cross(drive);
        for road in 0..self.stretches.len() {
            self.advance(road, drive);
        }
    }

    /// What every road could send from its end, and so what is wanted of the next ones.
    fn want(&mut self, drive: &Drive) {
        self.wanted.fill(0.0);
        for road in 0..self.stretches.len() {
            let open = drive.open[road];
            let waiting = (self.waiting[road] + drive.source[road] * STEP_S).min(WAITING_MAX);
            self.waiting[road] = waiting;
            self.wanted[road] += waiting.min(self.stretches[road].diagram.capacity * STEP_S);
            self.sent[road] = self.sending(road, self.first[road + 1] - 1, open);
            let staying = self.sent[road] * (1.0 - drive.leave[road]);
            for (next, share) in self.stretches[road].onward.iter().zip(&drive.turns[road]) {
                self.wanted[*next] += staying * share;
            }
        }
    }

    /// Moves vehicles over the crossings and from the sources.
    fn cross(&mut self, drive: &Drive) {
        for road in 0..self.stretches.len() {
            // Becomes the share of its wish that everybody gets.
            let room = self.receiving(road, self.first[road], drive.open[road]);
            let wanted = self.wanted[road];
            self.wanted[road] = if wanted > room { room / wanted } else { 1.0 };
        }
        self.entered.fill(0.0);
        for road in 0..self.stretches.len() {
            let staying = self.sent[road] * (1.0 - drive.leave[road]);
            let mut gone = self.sent[road] * drive.leave[road];
            for (next, share) in self.stretches[road].onward.iter().zip(&drive.turns[road]) {
                let moved = staying * share * self.wanted[*next];
                self.entered[*next] += moved;
                gone += moved;
            }
            self.sent[road] = gone;
            let source = self.waiting[road].min(self.stretches[road].diagram.capacity * STEP_S) * self.wanted[road];
            self.waiting[road] -= source;
            self.entered[road] += source;
        }
    }

    /// Moves vehicles along one road, and looks at its middle.
    fn advance(&mut self, road: usize, drive: &Drive) {
        let (first, end) = (self.first[road], self.first[road + 1]);
        let middle = first + (end - first - 1) / 2;
        let open = drive.open[road];
        let mut inflow = self.entered[road];
        for cell in first..end {
            let before = self.vehicles[cell];
            let outflow = if cell + 1 == end {
                self.sent[road]
            } else {
                self.sending(road, cell, open).min(self.receiving(road, cell + 1, open))
            };
            self.vehicles[cell] = (before + inflow - outflow).max(0.0);
            if cell == middle {
                let sum = &mut self.seen[road];
                sum.passed += outflow;
                sum.vehicle_s += f64::midpoint(before, self.vehicles[cell]) * STEP_S;
                sum.seconds += STEP_S;
            }
            inflow = outflow;
        }
    }

    fn sending(&self, road: usize, cell: usize, open: f64) -> f64 {
        let diagram = &self.stretches[road].diagram;
        let moving = self.vehicles[cell] * diagram.free_speed * STEP_S / self.cell_length(road);
        moving.min(diagram.capacity * open * STEP_S)
    }

    fn receiving(&self, road: usize, cell: usize, open: f64) -> f64 {
        let diagram = &self.stretches[road].diagram;
        let length = self.cell_length(road);
        let room = (diagram.jam_density * length - self.vehicles[cell]).max(0.0);
        (diagram.wave_speed() * STEP_S / length * room).min(diagram.capacity * open * STEP_S)
    }

    fn cell_length(&self, road: usize) -> f64 {
        self.stretches[road].length_m / (self.first[road + 1] - self.first[road]) as f64
    }

    /// What was seen of a road since the last look.
    pub(crate) fn look(&mut self, road: usize) -> Seen {
        let sum = std::mem::take(&mut self.seen[road]);
        let diagram = &self.stretches[road].diagram;
        let seconds = sum.seconds.max(STEP_S);
        let density = sum.vehicle_s / seconds / self.cell_length(road);
        let rate = sum.passed / seconds;
        let speed = if density > 1e-6 { (rate / density).min(diagram.free_speed) } else { diagram.free_speed };
        Seen { passed: sum.passed, density, speed, seconds: sum.seconds }
    }

    /// Vehicles on the roads, without those that wait to get onto one.
    #[cfg(test)]
    fn on_the_road(&self) -> f64 {
        self.vehicles.iter().sum()
    }

    /// Vehicles per metre, all lanes together, and metres per second at this moment.
    pub(crate) fn now(&self, road: usize) -> (f64, f64) {
        let (first, end) = (self.first[road], self.first[road + 1]);
        let diagram = &self.stretches[road].diagram;
        let density = self.vehicles[first..end].iter().sum::<f64>() / self.stretches[road].length_m;
        let queued = diagram.wave_speed() * (diagram.jam_density - density).max(0.0);
        let flow = (density * diagram.free_speed).min(diagram.capacity).min(queued);
        (density, if density > 1e-6 { (flow / density).min(diagram.free_speed) } else { diagram.free_speed })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROAD: Diagram = Diagram { free_speed: 15.0, capacity: 0.5, jam_density: 0.15 };

    /// Roads one after another, all alike; who reaches the end of the last leaves.
    fn row(roads: usize, source: f64) -> (Flow, Drive) {
        let stretch = |index: usize| Stretch {
            diagram: ROAD,
            length_m: 900.0,
            onward: if index + 1 < roads { vec![index + 1] } else { Vec::new() },
        };
        let turns = (0..roads).map(|index| if index + 1 < roads { vec![1.0] } else { Vec::new() }).collect();
        let mut sources = vec![0.0; roads];
        sources[0] = source;
        let leave = (0..roads).map(|index| if index + 1 < roads { 0.0 } else { 1.0 }).collect();
        let drive = Drive { source: sources, leave, turns, open: vec![1.0; roads] };
        (Flow::new((0..roads).map(stretch).collect()), drive)
    }

    fn run(flow: &mut Flow, drive: &Drive, minutes: f64) {
        for _ in 0..(minutes * 60.0 / STEP_S) as usize {
            flow.step(drive);
        }
    }

    #[test]
    fn below_capacity_everybody_drives_freely() {
        let (mut flow, drive) = row(4, 0.3);
        run(&mut flow, &drive, 30.0);
        for road in 0..4 {
            let _ = flow.look(road);
        }
        run(&mut flow, &drive, 10.0);
        for road in 0..4 {
            let seen = flow.look(road);
            assert!((seen.passed - 0.3 * 600.0).abs() < 0.5, "{seen:?}");
            assert!((seen.speed - ROAD.free_speed).abs() < 0.01, "{seen:?}");
            assert!((seen.density - 0.3 / 15.0).abs() < 1e-4, "{seen:?}");
        }
    }

    #[test]
    fn a_bottleneck_makes_a_queue_upstream_that_grows_and_dissolves() {
        let (mut flow, mut drive) = row(4, 0.4);
        run(&mut flow, &drive, 30.0);
        drive.open[2] = 0.4;
        run(&mut flow, &drive, 30.0);
        assert!(flow.now(1).1 < 8.0, "before the bottleneck {:?}", flow.now(1));
        assert!(flow.now(3).1 > 14.9, "behind it {:?}", flow.now(3));
        // 0.4 arrive, 0.2 pass: the discharge is the bottleneck's capacity.
        let _ = flow.look(3);
        run(&mut flow, &drive, 10.0);
        assert!((flow.look(3).passed - 0.2 * 600.0).abs() < 1.0);
        drive.open[2] = 1.0;
        run(&mut flow, &drive, 60.0);
        for road in 0..4 {
            assert!(flow.now(road).1 > 14.9, "road {road} is still slow: {:?}", flow.now(road));
        }
    }

    #[test]
    fn the_end_of_a_queue_moves_at_the_speed_of_the_shock() {
        // Rankine and Hugoniot: (q1 - q2) / (k1 - k2) between the free flow that arrives and the queue.
        let (mut flow, mut drive) = row(6, 0.4);
        run(&mut flow, &drive, 30.0);
        drive.open[5] = 0.4;
        let queued = ROAD.jam_density - 0.2 / ROAD.wave_speed();
        let expected = (0.4 - 0.2) / (queued - 0.4 / 15.0);
        let length = |flow: &Flow| {
            (0..5)
                .map(|road| 900.0 * ((flow.now(road).0 - 0.4 / 15.0) / (queued - 0.4 / 15.0)).clamp(0.0, 1.0))
                .sum::<f64>()
        };
        run(&mut flow, &drive, 10.0);
        let before = length(&flow);
        run(&mut flow, &drive, 10.0);
        let speed = (length(&flow) - before) / 600.0;
        assert!((speed - expected).abs() < 0.05 * expected, "{speed} m/s instead of {expected}");
    }

    #[test]
    fn vehicles_are_neither_made_nor_lost() {
        let (mut flow, mut drive) = row(3, 0.6);
        drive.leave = vec![0.2, 0.1, 0.0];
        drive.turns = vec![vec![1.0], vec![1.0], vec![]];
        let mut came = 0.0;
        for _ in 0..200 {
            let before = flow.on_the_road() + flow.waiting.iter().sum::<f64>();
            let left: f64 = {
                flow.step(&drive);
                (0..3).map(|road| flow.sent[road]).sum::<f64>() - (1..3).map(|road| flow.entered[road]).sum::<f64>()
            };
            let after = flow.on_the_road() + flow.waiting.iter().sum::<f64>();
            let made = after - before + left;
            // Those who found too many waiting before them stayed at home.
            assert!(made <= 0.6 * STEP_S + 1e-9 && made >= -1e-9, "{made} vehicles from nowhere");
            came += made;
        }
        assert!(came > 100.0);
    }
}
