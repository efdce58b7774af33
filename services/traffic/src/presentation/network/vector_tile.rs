//! Tiles in the Mapbox Vector Tile format, version 2.1.
//!
//! The messages are those of its specification (`vector_tile.proto`), as far as lines need them.

use std::collections::HashMap;

use prost::Message;

use crate::domain::network::tile::{Drawn, EXTENT, Tile};

/// What a tile is.
pub(super) const CONTENT_TYPE: &str = "application/vnd.mapbox-vector-tile";

#[derive(Clone, PartialEq, Message)]
struct VectorTile {
    #[prost(message, repeated, tag = "3")]
    layers: Vec<Layer>,
}

#[derive(Clone, PartialEq, Message)]
struct Layer {
    #[prost(string, required, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    features: Vec<Feature>,
    #[prost(string, repeated, tag = "3")]
    keys: Vec<String>,
    #[prost(message, repeated, tag = "4")]
    values: Vec<Value>,
    #[prost(uint32, required, tag = "5")]
    extent: u32,
    #[prost(uint32, required, tag = "15")]
    version: u32,
}

#[derive(Clone, PartialEq, Message)]
struct Feature {
    /// Places of keys and values in turn.
    #[prost(uint32, repeated, tag = "2")]
    tags: Vec<u32>,
    /// 2 is LINESTRING.
    #[prost(int32, optional, tag = "3")]
    kind: Option<i32>,
    #[prost(uint32, repeated, tag = "4")]
    geometry: Vec<u32>,
}

#[derive(Clone, PartialEq, Eq, Hash, Message)]
struct Value {
    #[prost(string, optional, tag = "1")]
    text: Option<String>,
    #[prost(uint64, optional, tag = "5")]
    number: Option<u64>,
}

const LINESTRING: i32 = 2;
const MOVE_TO: u32 = 1;
const LINE_TO: u32 = 2;
const KEYS: [&str; 3] = ["segment_id", "road_class", "name"];

/// The tile in bytes; none for one that shows nothing.
pub(super) fn encode(tile: &Tile) -> Vec<u8> {
    if tile.roads.is_empty() {
        return Vec::new();
    }
    let mut layer = Layer {
        name: "segments".to_owned(),
        features: Vec::with_capacity(tile.roads.len()),
        keys: KEYS.map(str::to_owned).to_vec(),
        values: Vec::new(),
        extent: EXTENT.unsigned_abs(),
        version: 2,
    };
    let mut places: HashMap<Value, u32> = HashMap::new();
    for road in &tile.roads {
        let mut tags = Vec::with_capacity(6);
        for (key, value) in (0..).zip(values(road)) {
            let next = u32::try_from(layer.values.len()).unwrap_or(u32::MAX);
            let place = *places.entry(value.clone()).or_insert_with(|| {
                layer.values.push(value);
                next
            });
            tags.extend([key, place]);
        }
        layer.features.push(Feature { tags, kind: Some(LINESTRING), geometry: commands(&road.lines) });
    }
    VectorTile { layers: vec![layer] }.encode_to_vec()
}

fn values(road: &Drawn) -> [Value; 3] {
    let text = |text: &str| Value { text: Some(text.to_owned()), number: None };
    let class = u64::from(road.segment.facts.class.number().unsigned_abs());
    [text(&road.segment.name), Value { text: None, number: Some(class) }, text(&road.segment.facts.display_name)]
}

/// Lines as commands with differences, zigzag encoded.
fn commands(lines: &[Vec<(i32, i32)>]) -> Vec<u32> {
    let command = |id: u32, count: usize| (id & 7) | (u32::try_from(count).unwrap_or(0) << 3);
    let zigzag = |value: i32| value.wrapping_shl(1).cast_unsigned() ^ (value >> 31).cast_unsigned();
    let mut at = (0, 0);
    let mut all = Vec::new();
    for line in lines {
        for (index, point) in line.iter().enumerate() {
            match index {
                0 => all.push(command(MOVE_TO, 1)),
                1 => all.push(command(LINE_TO, line.len() - 1)),
                _ => {}
            }
            all.extend([zigzag(point.0 - at.0), zigzag(point.1 - at.1)]);
            at = *point;
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_specification_has_its_numbers() {
        // Section 4.3.5.3 of the specification.
        let lines = [vec![(2, 2), (2, 10), (10, 10)], vec![(1, 1), (3, 5)]];
        assert_eq!(commands(&lines), [9, 4, 4, 18, 0, 16, 16, 0, 9, 17, 17, 10, 4, 8]);
    }

    #[test]
    fn a_tile_without_roads_is_empty() {
        assert!(encode(&Tile::default()).is_empty());
    }
}
