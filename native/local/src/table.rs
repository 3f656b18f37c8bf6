//! Which function a name stands for, and how its input is read. What may fail for reasons of the user's answers `{"error": …}`,
//! else `{"ok": …}`.

use std::sync::{Arc, Mutex, PoisonError};

use rein_border::job::Job;
use rein_border::wire::{Fields, text};
use rein_border::{Function, Table};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use crate::constraint;
use crate::generate;
use crate::model::{self, Loaded, MODELS, SESSIONS};

use Function::{Call, Job as Start};

pub const FUNCTIONS: &Table = &[
    (
        "local.close",
        Call(|id, _| {
            later(MODELS.remove(id));
            Ok(Vec::new())
        }),
    ),
    (
        "local.close_session",
        Call(|id, _| {
            later(SESSIONS.remove(id));
            Ok(Vec::new())
        }),
    ),
    (
        "local.check",
        Start(|grammar, job| answer(job, constraint::check(text(grammar)?))),
    ),
    (
        "local.load",
        Start(|input, job| {
            let loaded = model::load(&parsed(input)?, &|| job.cancelled());
            answer(
                job,
                loaded.map(|loaded| {
                    let info = loaded.info.clone();
                    json!({ "id": MODELS.insert(Arc::new(loaded)), "info": info })
                }),
            )
        }),
    ),
    (
        "local.render",
        Start(|input, job| {
            let mut fields = Fields::new(input);
            let loaded = loaded(&mut fields)?;
            answer(job, loaded.render(parsed(fields.rest())?))
        }),
    ),
    (
        "local.open",
        Start(|input, job| {
            let opened = model::open(&loaded(&mut Fields::new(input))?);
            answer(
                job,
                opened.map(|session| SESSIONS.insert(Arc::new(Mutex::new(session)))),
            )
        }),
    ),
    (
        "local.generate",
        Start(|input, job| {
            let mut fields = Fields::new(input);
            let id = fields.uint()?.cast_signed();
            let options = parsed(fields.bytes()?)?;
            let session = SESSIONS
                .with(id, |session| Arc::clone(session))
                .ok_or("The session is closed")?;
            // Waits for an answer that was cancelled and is not quite over.
            let mut session = session.lock().unwrap_or_else(PoisonError::into_inner);
            generate::generate(&mut session, text(fields.rest())?, options, job)
        }),
    ),
];

fn loaded(fields: &mut Fields) -> Result<Arc<Loaded>, String> {
    let id = fields.uint()?.cast_signed();
    MODELS
        .with(id, |loaded| Arc::clone(loaded))
        .ok_or_else(|| "The model is closed".to_owned())
}

fn parsed<T: DeserializeOwned>(input: &[u8]) -> Result<T, String> {
    serde_json::from_slice(input).map_err(|error| format!("The input is wrong: {error}"))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, String> {
    serde_json::to_vec(value).map_err(|error| error.to_string())
}

fn deliver(job: &Job, value: &impl Serialize) -> Result<(), String> {
    // Cancelled: then nobody waits for it.
    let _ = job.send(json(value)?);
    Ok(())
}

fn answer(job: &Job, result: Result<impl Serialize, String>) -> Result<(), String> {
    match result {
        Ok(value) => deliver(job, &json!({ "ok": value })),
        Err(error) => deliver(job, &json!({ "error": error })),
    }
}

/// Drops what takes longer to drop than JavaScript should wait.
fn later<T: Send + 'static>(thing: Option<T>) {
    if let Some(thing) = thing {
        std::thread::spawn(move || drop(thing));
    }
}
