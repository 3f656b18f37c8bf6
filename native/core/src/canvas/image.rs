//! Images, from PNGs that were made as large as they are to be shown.

use std::fmt::Write as _;

use png::{Decoder, Transformations};
use ratatui::style::{Color, Style};

use super::sheet::Sheet;

/// The most bytes of a decoded image.
const MOST: usize = 16_000_000;

struct Pixels {
    width: usize,
    height: usize,
    /// So many bytes are a pixel.
    size: usize,
    bytes: Vec<u8>,
    palette: Vec<u8>,
}

fn decode(png: &[u8], transformations: Transformations) -> Result<Pixels, String> {
    let refuse = |error: png::DecodingError| format!("Not a PNG that can be drawn: {error}");
    let mut decoder = Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(transformations);
    let mut reader = decoder.read_info().map_err(refuse)?;
    let length = reader
        .output_buffer_size()
        .filter(|length| *length <= MOST)
        .ok_or("The image is too large")?;
    let mut bytes = vec![0; length];
    let info = reader.next_frame(&mut bytes).map_err(refuse)?;
    let palette = reader.info().palette.as_deref().unwrap_or_default().to_vec();
    Ok(Pixels {
        width: info.width as usize,
        height: info.height as usize,
        size: info.color_type.samples(),
        bytes,
        palette,
    })
}

/// Two pixels a character, one above the other.
pub fn blocks(sheet: &mut Sheet, png: &[u8]) -> Result<(), String> {
    let image = decode(png, Transformations::normalize_to_color8() | Transformations::ALPHA)?;
    let pixel = |x: usize, y: usize| {
        let at = (y.min(image.height - 1) * image.width + x) * image.size;
        let bytes = &image.bytes[at..at + image.size];
        let [r, g, b] = if image.size < 3 {
            [bytes[0]; 3]
        } else {
            [bytes[0], bytes[1], bytes[2]]
        };
        // What is transparent shows white below it.
        let alpha = u32::from(bytes[image.size - 1]);
        [r, g, b].map(|part| ((u32::from(part) * alpha + 255 * (255 - alpha)) / 255) as u8)
    };
    let (area, buffer) = sheet.rows(image.height.div_ceil(2));
    for row in area.rows() {
        let y = usize::from(row.y - area.y) * 2;
        for x in 0..image.width.min(usize::from(area.width)) {
            let (upper, lower) = (pixel(x, y), pixel(x, y + 1));
            let color = |[r, g, b]: [u8; 3]| Color::Rgb(r, g, b);
            let style = Style::default().fg(color(upper)).bg(color(lower));
            buffer[(x as u16, row.y)].set_char('▀').set_style(style);
        }
    }
    Ok(())
}

/// An indexed PNG as sixels: of each six rows, for each colour in them, a line of which pixels have it.
pub fn sixel(png: &[u8]) -> Result<Vec<u8>, String> {
    let image = decode(png, Transformations::empty())?;
    if image.size != 1 || image.palette.is_empty() || image.bytes.len() < image.width * image.height {
        return Err("Not a PNG with a palette of 256 colours".to_owned());
    }
    // Pixels keep the background that they are not drawn on. Writing to a String cannot fail.
    let mut out = format!("\x1bP0;1q\"1;1;{};{}", image.width, image.height);
    for (index, rgb) in image.palette.chunks_exact(3).enumerate() {
        let percent = |part: u8| (u32::from(part) * 100 + 127) / 255;
        let _ = write!(
            out,
            "#{index};2;{};{};{}",
            percent(rgb[0]),
            percent(rgb[1]),
            percent(rgb[2])
        );
    }
    for band in image.bytes.chunks(image.width * 6).take(image.height.div_ceil(6)) {
        let mut colors: Vec<u8> = band.to_vec();
        colors.sort_unstable();
        colors.dedup();
        for color in colors {
            let _ = write!(out, "#{color}");
            let bits = (0..image.width).map(|x| {
                let rows = (0..6).filter(|row| band.get(row * image.width + x) == Some(&color));
                char::from(63 + rows.map(|row| 1u8 << row).sum::<u8>())
            });
            runs(&mut out, bits);
            out.push('$');
        }
        out.push('-');
    }
    out.push_str("\x1b\\");
    Ok(out.into_bytes())
}

/// Appends characters, equal ones in a row as their number and one of them.
fn runs(out: &mut String, characters: impl Iterator<Item = char>) {
    let mut flush = |run: Option<(char, usize)>| match run {
        Some((c, length)) if length > 3 => {
            let _ = write!(out, "!{length}{c}");
        }
        Some((c, length)) => out.extend(std::iter::repeat_n(c, length)),
        None => {}
    };
    let mut run: Option<(char, usize)> = None;
    for c in characters {
        match &mut run {
            Some((same, length)) if *same == c => *length += 1,
            _ => {
                flush(run);
                run = Some((c, 1));
            }
        }
    }
    flush(run);
}
