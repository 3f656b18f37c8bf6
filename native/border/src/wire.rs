//! How arguments and answers travel. In: fields one after the other, a number as 8 bytes (f64), text or bytes as a length
//! (u32) and the bytes, all little-endian. Out: plain bytes, or JSON text, which JavaScript reads fastest.

/// Reads the fields of one input in order.
pub struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    pub fn new(input: &'a [u8]) -> Self {
        Self { rest: input }
    }

    pub fn bytes(&mut self) -> Result<&'a [u8], String> {
        let (length, rest) = self.rest.split_first_chunk::<4>().ok_or("Input too short")?;
        let (bytes, rest) = rest
            .split_at_checked(u32::from_le_bytes(*length) as usize)
            .ok_or("Input too short")?;
        self.rest = rest;
        Ok(bytes)
    }

    pub fn text(&mut self) -> Result<&'a str, String> {
        text(self.bytes()?)
    }

    /// All that follows the fields read so far.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub fn number(&mut self) -> Result<f64, String> {
        let (bytes, rest) = self.rest.split_first_chunk::<8>().ok_or("Input too short")?;
        self.rest = rest;
        Ok(f64::from_le_bytes(*bytes))
    }

    /// A number that is a non-negative integer of 32 bits.
    pub fn uint(&mut self) -> Result<u32, String> {
        let number = self.number()?;
        let integer = number as u32;
        if f64::from(integer) == number {
            Ok(integer)
        } else {
            Err(format!("Not a 32-bit integer: {number}"))
        }
    }
}

pub fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|_| "Text is not UTF-8".to_owned())
}

/// Appends a JSON string.
pub fn json_string(out: &mut String, text: &str) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\0'..'\u{20}' => out.push_str(&format!("\\u{:04x}", c as u32)),
            _ => out.push(c),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_in_order_and_never_beyond_the_end() {
        let mut input = 7f64.to_le_bytes().to_vec();
        input.extend_from_slice(&[2, 0, 0, 0, b'h', b'i', 9, 0, 0, 0, b'x']);
        let mut fields = Fields::new(&input);
        assert_eq!(fields.uint(), Ok(7));
        assert_eq!(fields.text(), Ok("hi"));
        assert!(fields.bytes().is_err());
        assert!(Fields::new(&f64::NAN.to_le_bytes()).uint().is_err());
        assert!(Fields::new(&1.5f64.to_le_bytes()).uint().is_err());
    }

    #[test]
    fn json_strings_escape_what_json_forbids() {
        let mut out = String::new();
        json_string(&mut out, "a\"b\\c\n\u{1}ü");
        assert_eq!(out, "\"a\\\"b\\\\c\\u000a\\u0001ü\"");
    }
}
