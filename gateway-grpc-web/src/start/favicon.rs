//! The icon: four city blocks, drawn here so that no picture has to be kept.

const SIZE: usize = 16;
const ROADS: [u8; 4] = [0, 0, 0, 0];
const BLOCK: [u8; 4] = [0xd0, 0x57, 0x0b, 0xff];
const ACCENT: [u8; 4] = [0x2e, 0x6c, 0x14, 0xff];

/// A Windows icon with one 16 × 16 picture of 32 bits a pixel (blue, green, red, opacity; rows from below).
pub(crate) fn favicon() -> Vec<u8> {
    let pixels = (SIZE * SIZE * 4) as u32;
    // One bit a pixel, rows padded to 4 bytes; unused with 32 bits, and yet it has to be there.
    let mask = (SIZE * 4) as u32;
    let mut icon = Vec::with_capacity(1200);
    for word in [0u16, 1, 1] {
        icon.extend_from_slice(&word.to_le_bytes());
    }
    icon.extend_from_slice(&[SIZE as u8, SIZE as u8, 0, 0]);
    for word in [1u16, 32] {
        icon.extend_from_slice(&word.to_le_bytes());
    }
    for word in [40 + pixels + mask, 22, 40, SIZE as u32, 2 * SIZE as u32] {
        icon.extend_from_slice(&word.to_le_bytes());
    }
    for word in [1u16, 32] {
        icon.extend_from_slice(&word.to_le_bytes());
    }
    for word in [0, pixels, 0, 0, 0, 0u32] {
        icon.extend_from_slice(&word.to_le_bytes());
    }
    for y in 0..SIZE {
        for x in 0..SIZE {
            let road = [0, 7, 8, 15].contains(&x) || [0, 7, 8, 15].contains(&y);
            let colour = if road {
                ROADS
            } else if x > 8 && y > 8 {
                ACCENT
            } else {
                BLOCK
            };
            icon.extend_from_slice(&colour);
        }
    }
    icon.resize(icon.len() + mask as usize, 0);
    icon
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_icon_is_as_long_as_its_header_says() {
        let icon = favicon();
        let length = u32::from_le_bytes([icon[14], icon[15], icon[16], icon[17]]) as usize;
        assert_eq!(icon.len(), 22 + length);
    }
}
