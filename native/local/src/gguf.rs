//! Reads the header of a GGUF file: what a model is, without its weights. The file may be broken or hostile: nothing is believed
//! that the file's length does not bear out.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use serde::Serialize;

/// Longer texts than any chat template.
const LONGEST_TEXT: u64 = 4 << 20;
/// How deep arrays may stand in arrays.
const DEEPEST: usize = 4;

/// What JavaScript is told of a file.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Info {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub architecture: String,
    pub parameters: u64,
    pub quantisation: String,
    pub bytes: u64,
    pub trained_context: u32,
    pub vocabulary: u32,
    pub layers: u32,
    pub bytes_per_token: u64,
    pub work_bytes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub chat_template: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence: Option<String>,
    pub adapter: bool,
}

/// A metadata value, as far as anything here needs it.
#[derive(Debug, Clone, PartialEq)]
enum Value {
    Uint(u64),
    Text(String),
    /// An array's length, and its numbers if it holds some and is short.
    Array(u64, Vec<u64>),
    Other,
}

/// The types of tensors: number, name, values in a block, bytes of a block.
const TYPES: &[(u32, &str, u64, u64)] = &[
    (0, "F32", 1, 4),
    (1, "F16", 1, 2),
    (2, "Q4_0", 32, 18),
    (3, "Q4_1", 32, 20),
    (6, "Q5_0", 32, 22),
    (7, "Q5_1", 32, 24),
    (8, "Q8_0", 32, 34),
    (9, "Q8_1", 32, 36),
    (10, "Q2_K", 256, 84),
    (11, "Q3_K", 256, 110),
    (12, "Q4_K", 256, 144),
    (13, "Q5_K", 256, 176),
    (14, "Q6_K", 256, 210),
    (15, "Q8_K", 256, 292),
    (16, "IQ2_XXS", 256, 66),
    (17, "IQ2_XS", 256, 74),
    (18, "IQ3_XXS", 256, 98),
    (19, "IQ1_S", 256, 50),
    (20, "IQ4_NL", 32, 18),
    (21, "IQ3_S", 256, 110),
    (22, "IQ2_S", 256, 82),
    (23, "IQ4_XS", 256, 136),
    (24, "I8", 1, 1),
    (25, "I16", 1, 2),
    (26, "I32", 1, 4),
    (27, "I64", 1, 8),
    (28, "F64", 1, 8),
    (29, "IQ1_M", 256, 56),
    (30, "BF16", 1, 2),
    (34, "TQ1_0", 256, 54),
    (35, "TQ2_0", 256, 66),
    (39, "MXFP4", 32, 17),
    (40, "NVFP4", 64, 36),
    (41, "Q1_0", 128, 18),
    (42, "Q2_0", 64, 18),
];

/// The names of `general.file_type`.
const FILE_TYPES: &[(u64, &str)] = &[
    (0, "F32"),
    (1, "F16"),
    (2, "Q4_0"),
    (3, "Q4_1"),
    (7, "Q8_0"),
    (8, "Q5_0"),
    (9, "Q5_1"),
    (10, "Q2_K"),
    (11, "Q3_K_S"),
    (12, "Q3_K_M"),
    (13, "Q3_K_L"),
    (14, "Q4_K_S"),
    (15, "Q4_K_M"),
    (16, "Q5_K_S"),
    (17, "Q5_K_M"),
    (18, "Q6_K"),
    (19, "IQ2_XXS"),
    (20, "IQ2_XS"),
    (21, "Q2_K_S"),
    (22, "IQ3_XS"),
    (23, "IQ3_XXS"),
    (24, "IQ1_S"),
    (25, "IQ4_NL"),
    (26, "IQ3_S"),
    (27, "IQ3_M"),
    (28, "IQ2_S"),
    (29, "IQ2_M"),
    (30, "IQ4_XS"),
    (31, "IQ1_M"),
    (32, "BF16"),
    (36, "TQ1_0"),
    (37, "TQ2_0"),
    (38, "MXFP4"),
    (39, "NVFP4"),
    (40, "Q1_0"),
    (41, "Q2_0"),
];

/// Reads a file's header, and sees that the file is as long as its tensors need.
pub fn read(path: &Path) -> Result<Info, String> {
    let shown = path.display();
    let unreadable = |error: std::io::Error| format!("Cannot read '{shown}': {error}");
    let file = File::open(path).map_err(unreadable)?;
    let meta = file.metadata().map_err(unreadable)?;
    if !meta.is_file() {
        return Err(format!("Cannot read '{shown}': it is not a file"));
    }
    let mut reader = Reader {
        from: BufReader::new(file),
        at: 0,
        length: meta.len(),
    };
    header(&mut reader).map_err(|wrong| match wrong {
        Wrong::Cut if reader.at == 0 => format!("'{shown}' is no GGUF file: it is empty or too short"),
        Wrong::Cut => format!("'{shown}' is cut: its header goes on after its {} bytes", meta.len()),
        Wrong::Io(error) => unreadable(error),
        Wrong::Said(message) => format!("'{shown}' {message}"),
    })
}

enum Wrong {
    Cut,
    Io(std::io::Error),
    Said(String),
}

fn said<T>(message: impl Into<String>) -> Result<T, Wrong> {
    Err(Wrong::Said(message.into()))
}

struct Reader<R> {
    from: R,
    at: u64,
    length: u64,
}

impl<R: Read> Reader<R> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Wrong> {
        let mut bytes = [0; N];
        if self.length - self.at < N as u64 {
            return Err(Wrong::Cut);
        }
        self.from.read_exact(&mut bytes).map_err(Wrong::Io)?;
        self.at += N as u64;
        Ok(bytes)
    }

    fn u32(&mut self) -> Result<u32, Wrong> {
        self.bytes().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64, Wrong> {
        self.bytes().map(u64::from_le_bytes)
    }

    fn skip(&mut self, count: u64) -> Result<(), Wrong> {
        if count > self.length - self.at {
            return Err(Wrong::Cut);
        }
        let skipped = std::io::copy(&mut self.from.by_ref().take(count), &mut std::io::sink()).map_err(Wrong::Io)?;
        self.at += skipped;
        if skipped == count { Ok(()) } else { Err(Wrong::Cut) }
    }

    fn text(&mut self) -> Result<String, Wrong> {
        let length = self.u64()?;
        if length > self.length - self.at {
            return Err(Wrong::Cut);
        }
        if length > LONGEST_TEXT {
            self.skip(length)?;
            return Ok(String::new());
        }
        let mut bytes = vec![0; length as usize];
        self.from.read_exact(&mut bytes).map_err(Wrong::Io)?;
        self.at += length;
        Ok(String::from_utf8_lossy(&bytes).into_owned())
    }

    fn value(&mut self, kind: u32, depth: usize) -> Result<Value, Wrong> {
        Ok(match kind {
            0 => Value::Uint(self.bytes::<1>()?[0].into()),
            2 => Value::Uint(u16::from_le_bytes(self.bytes()?).into()),
            4 => Value::Uint(self.u32()?.into()),
            5 => Value::Uint(i32::from_le_bytes(self.bytes()?).try_into().unwrap_or(0)),
            10 => Value::Uint(self.u64()?),
            1 | 7 => self.skip(1).map(|()| Value::Other)?,
            3 => self.skip(2).map(|()| Value::Other)?,
            6 => self.skip(4).map(|()| Value::Other)?,
            11 | 12 => self.skip(8).map(|()| Value::Other)?,
            8 => Value::Text(self.text()?),
            9 if depth < DEEPEST => {
                let (kind, count) = (self.u32()?, self.u64()?);
                let mut numbers = Vec::new();
                for index in 0..count {
                    match self.value(kind, depth + 1)? {
                        Value::Uint(number) if index < 4096 => numbers.push(number),
                        _ => {}
                    }
                }
                Value::Array(count, numbers)
            }
            _ => return said(format!("is broken: no GGUF value has type {kind}")),
        })
    }
}

fn header<R: Read>(reader: &mut Reader<R>) -> Result<Info, Wrong> {
    let magic = reader.bytes::<4>()?;
    if &magic != b"GGUF" {
        return said(what_it_is(magic));
    }
    let version = reader.u32()?;
    if !(2..=3).contains(&version) {
        return said(format!("has GGUF version {version}; versions 2 and 3 are read"));
    }
    let (tensors, pairs) = (reader.u64()?, reader.u64()?);
    let mut meta = HashMap::new();
    for _ in 0..pairs {
        let key = reader.text()?;
        let kind = reader.u32()?;
        let value = reader.value(kind, 0)?;
        meta.insert(key, value);
    }
    let mut parameters = 0u64;
    let mut end = 0u64;
    let mut kinds: HashMap<&str, u64> = HashMap::new();
    for _ in 0..tensors {
        let name = reader.text()?;
        let dimensions = reader.u32()?;
        if dimensions > 4 {
            return said(format!("is broken: tensor '{name}' has {dimensions} dimensions"));
        }
        let mut values = 1u64;
        for _ in 0..dimensions {
            values = values.saturating_mul(reader.u64()?);
        }
        let (number, offset) = (reader.u32()?, reader.u64()?);
        let Some((_, kind, block, bytes)) = TYPES.iter().find(|(known, ..)| *known == number) else {
            return said(format!("has a tensor of a type that is not known ({number})"));
        };
        let size = values.div_ceil(*block).saturating_mul(*bytes);
        end = end.max(offset.saturating_add(size));
        parameters = parameters.saturating_add(values);
        *kinds.entry(kind).or_default() += size;
    }
    let meta = Meta(meta);
    let align = meta.uint("general.alignment").filter(|align| *align > 0).unwrap_or(32);
    let needed = reader.at.div_ceil(align).saturating_mul(align).saturating_add(end);
    if needed > reader.length {
        return said(format!("is cut: it has {} of {needed} bytes", reader.length));
    }
    info(&meta, parameters, &kinds, reader.length)
}

/// What a file is that is no GGUF, if its first bytes tell.
fn what_it_is(magic: [u8; 4]) -> String {
    let kind = match &magic {
        b"PK\x03\x04" => ": it is a zip archive, as PyTorch writes them",
        b"vers" => ": it is a pointer of Git LFS, not what it points to",
        b"<!DO" | b"<htm" => ": it is a web page",
        b"ggjt" | b"ggml" | b"lmgg" | b"tjgg" => ": it is of a format before GGUF",
        b"FUGG" => ": it is of a machine with the other byte order",
        [_, _, _, 0] => ": it may be safetensors, which must be converted",
        _ => "",
    };
    format!("is no GGUF file{kind}")
}

struct Meta(HashMap<String, Value>);

impl Meta {
    fn uint(&self, key: &str) -> Option<u64> {
        match self.0.get(key)? {
            Value::Uint(number) => Some(*number),
            Value::Array(_, numbers) => numbers.iter().max().copied(),
            _ => None,
        }
    }

    fn text(&self, key: &str) -> Option<String> {
        match self.0.get(key)? {
            Value::Text(text) if !text.is_empty() => Some(text.clone()),
            _ => None,
        }
    }

    /// The sum of a number that each layer has, or that is the same for all.
    fn over_layers(&self, key: &str, layers: u64) -> Option<u64> {
        match self.0.get(key)? {
            Value::Uint(number) => Some(number.saturating_mul(layers)),
            Value::Array(_, numbers) => Some(numbers.iter().fold(0, |sum, number| sum.saturating_add(*number))),
            _ => None,
        }
    }
}

fn info(meta: &Meta, parameters: u64, kinds: &HashMap<&str, u64>, bytes: u64) -> Result<Info, Wrong> {
    let Some(architecture) = meta.text("general.architecture") else {
        return said("is broken: it names no architecture");
    };
    if let Some(parts) = meta.uint("split.count").filter(|parts| *parts > 1) {
        return said(format!(
            "is one of {parts} parts: join them with llama-gguf-split --merge"
        ));
    }
    let of = |key: &str| meta.uint(&format!("{architecture}.{key}"));
    let adapter = meta.text("general.type").is_some_and(|kind| kind == "adapter");
    if !adapter && (parameters == 0 || of("block_count").is_none()) {
        return said("holds no model: it has no weights");
    }
    let layers = of("block_count").unwrap_or(0);
    let width = of("embedding_length").unwrap_or(0);
    let heads = of("attention.head_count").unwrap_or(1).max(1);
    let kv_heads = meta
        .over_layers(&format!("{architecture}.attention.head_count_kv"), layers)
        .unwrap_or(heads.saturating_mul(layers));
    let head = |key: &str| of(key).unwrap_or(width / heads);
    let pair = head("attention.key_length").saturating_add(head("attention.value_length"));
    let vocabulary = match meta.0.get("tokenizer.ggml.tokens") {
        Some(Value::Array(count, _)) => *count,
        _ => 0,
    };
    let inner = of("feed_forward_length").unwrap_or(0).max(width.saturating_mul(4));
    let quantisation = match meta.uint("general.file_type") {
        Some(number) => FILE_TYPES
            .iter()
            .find(|(known, _)| *known == number)
            .map(|(_, name)| *name),
        None => kinds
            .iter()
            .max_by_key(|(name, size)| (**size, **name))
            .map(|(name, _)| *name),
    };
    Ok(Info {
        name: meta.text("general.name"),
        parameters,
        quantisation: quantisation.unwrap_or("mixed").to_owned(),
        bytes,
        trained_context: u32::try_from(of("context_length").unwrap_or(0)).unwrap_or(u32::MAX),
        vocabulary: u32::try_from(vocabulary).unwrap_or(u32::MAX),
        layers: u32::try_from(layers).unwrap_or(u32::MAX),
        // Keys and values as 16-bit floats.
        bytes_per_token: kv_heads.saturating_mul(pair).saturating_mul(2),
        work_bytes: crate::memory::work(width, inner, vocabulary),
        chat_template: meta.text("tokenizer.chat_template"),
        licence: meta.text("general.license"),
        adapter,
        architecture,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
    }

    /// A file of one tensor of 64 values, 16-bit.
    fn file(pairs: &[(&str, u32, Vec<u8>)], weights: usize) -> Vec<u8> {
        let mut bytes = b"GGUF".to_vec();
        bytes.extend(3u32.to_le_bytes());
        bytes.extend(1u64.to_le_bytes());
        bytes.extend((pairs.len() as u64).to_le_bytes());
        for (key, kind, value) in pairs {
            bytes.extend(text(key));
            bytes.extend(kind.to_le_bytes());
            bytes.extend(value);
        }
        bytes.extend(text("weight"));
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(64u64.to_le_bytes());
        bytes.extend(1u32.to_le_bytes());
        bytes.extend(0u64.to_le_bytes());
        bytes.resize(bytes.len().next_multiple_of(32) + weights, 0);
        bytes
    }

    fn model() -> Vec<(&'static str, u32, Vec<u8>)> {
        vec![
            ("general.architecture", 8, text("llama")),
            ("general.file_type", 4, 15u32.to_le_bytes().to_vec()),
            ("llama.block_count", 4, 2u32.to_le_bytes().to_vec()),
            ("llama.embedding_length", 4, 64u32.to_le_bytes().to_vec()),
            ("llama.attention.head_count", 4, 4u32.to_le_bytes().to_vec()),
            ("llama.attention.head_count_kv", 4, 1u32.to_le_bytes().to_vec()),
            ("llama.context_length", 4, 2048u32.to_le_bytes().to_vec()),
        ]
    }

    fn parse(bytes: &[u8]) -> Result<Info, String> {
        let mut reader = Reader {
            from: bytes,
            at: 0,
            length: bytes.len() as u64,
        };
        header(&mut reader).map_err(|wrong| match wrong {
            Wrong::Cut => "cut".to_owned(),
            Wrong::Io(error) => error.to_string(),
            Wrong::Said(message) => message,
        })
    }

    #[test]
    fn a_header_says_what_the_model_is_and_costs() {
        let info = parse(&file(&model(), 128)).unwrap();
        assert_eq!(
            (info.architecture.as_str(), info.quantisation.as_str()),
            ("llama", "Q4_K_M")
        );
        assert_eq!((info.parameters, info.trained_context), (64, 2048));
        // Two layers with one head each of 16 keys and 16 values of 2 bytes.
        assert_eq!(info.bytes_per_token, 2 * (16 + 16) * 2);
    }

    #[test]
    fn a_file_that_ends_early_is_an_error_at_every_length() {
        let whole = file(&model(), 128);
        for length in 0..whole.len() {
            assert!(parse(&whole[..length]).is_err(), "{length}");
        }
        assert!(
            parse(&whole[..whole.len() - 1])
                .unwrap_err()
                .starts_with("is cut: it has")
        );
    }

    #[test]
    fn a_length_that_no_file_has_allocates_nothing() {
        let mut huge = model();
        huge.push(("general.name", 8, u64::MAX.to_le_bytes().to_vec()));
        assert_eq!(parse(&file(&huge, 128)).unwrap_err(), "cut");
        let mut nested = model();
        nested.push(("x", 9, [9u32.to_le_bytes().to_vec(), vec![255; 8]].concat()));
        assert!(parse(&file(&nested, 128)).is_err());
    }

    #[test]
    fn what_is_no_gguf_file_is_named() {
        assert_eq!(
            parse(b"PK\x03\x04").unwrap_err(),
            "is no GGUF file: it is a zip archive, as PyTorch writes them"
        );
        assert_eq!(
            parse(b"GGUF\x01\0\0\0").unwrap_err(),
            "has GGUF version 1; versions 2 and 3 are read"
        );
    }
}
