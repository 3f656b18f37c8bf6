//! One answer: the prompt's new tokens are computed, then token after token is taken until the model, a limit or the user ends it.

use std::time::Instant;

use llguidance::Matcher;
use rein_border::job::Job;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::llama::{BATCH, Stopped, Token};
use crate::model::Session;
use crate::sampler::{Random, sample};
use crate::turns;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Options {
    seed: u64,
    temperature: f32,
    #[serde(default = "all")]
    top_p: f32,
    max_tokens: usize,
    #[serde(default)]
    stop: Vec<String>,
    grammar: Option<String>,
}

fn all() -> f32 {
    1.0
}

/// Why there is no (more) answer.
enum Failure {
    Cancelled,
    Said(String),
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self::Said(message)
    }
}

/// Sends the prompt's size, texts as they come, and how it ended. A chunk is JSON, or text after a zero byte.
pub fn generate(session: &mut Session, prompt: &str, options: Options, job: &Job) -> Result<(), String> {
    match answer(session, prompt, options, job) {
        Err(Failure::Said(message)) => Err(message),
        Ok(()) | Err(Failure::Cancelled) => Ok(()),
    }
}

fn answer(session: &mut Session, prompt: &str, options: Options, job: &Job) -> Result<(), Failure> {
    let begun = Instant::now();
    let loaded = std::sync::Arc::clone(&session.loaded);
    let length = loaded.info.context as usize;
    let mut matcher = match options.grammar {
        Some(grammar) => Some(loaded.constrainer()?.matcher(grammar)?),
        None => None,
    };
    let tokens = loaded.tokens(prompt)?;
    if tokens.is_empty() {
        return Err(Failure::Said("The prompt is empty".to_owned()));
    }
    if tokens.len() >= length {
        return send(
            job,
            &json!({ "type": "too_long", "tokens": tokens.len(), "context": length }),
        );
    }
    let cached = session.keep(&tokens);
    send(
        job,
        &json!({ "type": "prompt", "tokens": tokens.len(), "cached": cached }),
    )?;
    for batch in tokens[cached..].chunks(BATCH) {
        session.compute(batch, job)?;
    }
    let prompt_done = Instant::now();

    let mut random = Random::new(options.seed);
    let mut text = Text::new(options.stop);
    let mut taken = 0;
    let mut first = None;
    let mut last = None;
    let stop = loop {
        if matcher.as_ref().is_some_and(Matcher::is_stopped) {
            break "end";
        }
        if taken == options.max_tokens {
            break "length";
        }
        // Only once another token is wanted.
        if let Some(token) = last {
            if session.computed.len() == length {
                break "context";
            }
            session.compute(&[token], job)?;
        }
        let allowed = match &mut matcher {
            Some(matcher) => Some(matcher.compute_mask().map_err(|error| error.to_string())?),
            None => None,
        };
        let scores = session
            .context
            .scores()
            .ok_or_else(|| "The model gave no scores".to_owned())?;
        let token = sample(
            scores,
            allowed.as_ref(),
            options.temperature,
            options.top_p,
            &mut random,
        );
        let token = token.ok_or_else(|| "The model's scores are no numbers".to_owned())?;
        first.get_or_insert_with(Instant::now);
        taken += 1;
        if let Some(matcher) = &mut matcher {
            matcher.consume_token(token).map_err(|error| error.to_string())?;
        }
        let token = token as Token;
        if loaded.model.ends(token) {
            break "end";
        }
        let ready = text.push(&loaded.model.piece(token, false));
        send_text(job, &ready)?;
        if text.stopped {
            break "stop";
        }
        last = Some(token);
    };
    send_text(job, &text.rest())?;
    let milliseconds = |from: Instant, to: Instant| (to - from).as_secs_f64() * 1e3;
    let done = json!({
        "type": "done",
        "stop": stop,
        "tokens": taken,
        "firstTokenMs": milliseconds(begun, first.unwrap_or(prompt_done)),
        "promptMs": milliseconds(begun, prompt_done),
        "generateMs": milliseconds(prompt_done, Instant::now()),
    });
    send(job, &done)
}

impl Session {
    /// Keeps what the context has computed of a prompt, and says how many tokens that is: at least the last one is left to compute.
    fn keep(&mut self, prompt: &[Token]) -> usize {
        let same = self
            .computed
            .iter()
            .zip(prompt)
            .take_while(|(old, new)| old == new)
            .count();
        let kept = same.min(prompt.len() - 1);
        if kept < self.computed.len() {
            self.forget(kept);
        }
        self.computed.len()
    }

    fn forget(&mut self, from: usize) {
        let kept = if self.context.forget(from) { from } else { 0 };
        self.computed.truncate(kept);
    }

    /// Computes a batch. A cancelled one leaves the session as it was before it.
    fn compute(&mut self, tokens: &[Token], job: &Job) -> Result<(), Failure> {
        let cancelled = || job.cancelled();
        let turn = turns::take(self.loaded.info.threads, &cancelled).ok_or(Failure::Cancelled)?;
        let computed = self.context.compute(&mut tokens.to_vec(), &cancelled);
        drop(turn);
        match computed {
            Ok(()) => {
                self.computed.extend_from_slice(tokens);
                Ok(())
            }
            Err(stopped) => {
                self.forget(self.computed.len());
                Err(match stopped {
                    Stopped::Cancelled => Failure::Cancelled,
                    Stopped::Failed(code) => Failure::Said(format!("llama.cpp could not compute (code {code})")),
                })
            }
        }
    }
}

fn send(job: &Job, value: &Value) -> Result<(), Failure> {
    job.send(value.to_string().into_bytes()).map_err(|_| Failure::Cancelled)
}

fn send_text(job: &Job, text: &str) -> Result<(), Failure> {
    if text.is_empty() {
        return Ok(());
    }
    let chunk = [b"\0", text.as_bytes()].concat();
    job.send(chunk).map_err(|_| Failure::Cancelled)
}

/// Makes text of tokens' bytes, and holds back what may become a character or a stop text.
struct Text {
    stops: Vec<String>,
    bytes: Vec<u8>,
    held: String,
    stopped: bool,
}

impl Text {
    fn new(mut stops: Vec<String>) -> Self {
        stops.retain(|stop| !stop.is_empty());
        Self {
            stops,
            bytes: Vec::new(),
            held: String::new(),
            stopped: false,
        }
    }

    /// What can be shown now.
    fn push(&mut self, bytes: &[u8]) -> String {
        self.bytes.extend_from_slice(bytes);
        self.take_characters(false);
        if let Some(at) = self.stops.iter().filter_map(|stop| self.held.find(stop.as_str())).min() {
            self.stopped = true;
            self.held.truncate(at);
            return std::mem::take(&mut self.held);
        }
        let may_stop = |at: &usize| self.stops.iter().any(|stop| stop.starts_with(&self.held[*at..]));
        let open = self
            .held
            .char_indices()
            .map(|(at, _)| at)
            .find(may_stop)
            .unwrap_or(self.held.len());
        let rest = self.held.split_off(open);
        std::mem::replace(&mut self.held, rest)
    }

    /// What was held back at the end; nothing after a stop text.
    fn rest(&mut self) -> String {
        if self.stopped {
            return String::new();
        }
        self.take_characters(true);
        std::mem::take(&mut self.held)
    }

    /// Takes whole characters; what can't become one is U+FFFD.
    fn take_characters(&mut self, last: bool) {
        let mut taken = 0;
        for chunk in self.bytes.utf8_chunks() {
            self.held.push_str(chunk.valid());
            taken += chunk.valid().len();
            let invalid = chunk.invalid();
            let at_end = taken + invalid.len() == self.bytes.len();
            let may_become = std::str::from_utf8(&self.bytes[taken..]).is_err_and(|error| error.error_len().is_none());
            if invalid.is_empty() || (at_end && may_become && !last) {
                continue;
            }
            self.held.push(char::REPLACEMENT_CHARACTER);
            taken += invalid.len();
        }
        self.bytes.drain(..taken);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(stops: &[&str], pieces: &[&[u8]]) -> (Vec<String>, bool) {
        let mut text = Text::new(stops.iter().map(|stop| (*stop).to_owned()).collect());
        let mut shown: Vec<String> = pieces.iter().map(|piece| text.push(piece)).collect();
        shown.push(text.rest());
        (shown, text.stopped)
    }

    #[test]
    fn a_character_comes_whole() {
        assert_eq!(
            shown(&[], &[b"a\xc3", b"\xa9", b"\xf0\x9f"]).0,
            ["a", "é", "", "\u{fffd}"]
        );
        assert_eq!(shown(&[], &[b"\xff\xc3x"]).0, ["\u{fffd}\u{fffd}x", ""]);
    }

    #[test]
    fn what_may_become_a_stop_text_is_held_back() {
        assert_eq!(
            shown(&["END"], &[b"one E", b"N", b"D two"]),
            (vec!["one ".into(), "".into(), "".into(), "".into()], true)
        );
        assert_eq!(
            shown(&["END"], &[b"E", b"NE", b"W"]),
            (vec!["".into(), "EN".into(), "EW".into(), "".into()], false)
        );
        assert_eq!(shown(&["END"], &[b"EN"]).0, ["", "EN"]);
    }
}
