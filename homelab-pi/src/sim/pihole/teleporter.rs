//! The backup: given as an archive, and refused as one, with the real one's words. A backup that is given back is checked and
//! not taken over: the simulator's world has another form.
use super::{
    call::{Body, Call, Reply, error, reply},
    front::not_found,
    simulator::State,
};
use crate::pihole::http::Method;
use serde_json::json;
use std::io::{Cursor, Read as _, Write as _};
use zip::{CompressionMethod, ZipArchive, ZipWriter, result::ZipResult, write::SimpleFileOptions};

const SETTINGS: &str = "etc/pihole/pihole.toml";

pub(super) fn answer(state: &State, call: &Call<'_>) -> Result<Reply, Reply> {
    match call.method {
        Method::Get => {
            let archive = archive(state)
                .map_err(|e| error(500, "internal_error", "Cannot create the archive", Some(&e.to_string())))?;
            let name = format!("attachment; filename=\"pi-hole_pihole_teleporter_{}.zip\"", state.seconds());
            let headers = vec![("content-disposition".to_owned(), name)];
            Ok(Reply { status: 200, body: Body::Raw("application/zip", archive), headers })
        }
        Method::Post => restore(call),
        _ => Err(not_found(call)),
    }
}

fn archive(state: &State) -> ZipResult<Vec<u8>> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let stored = SimpleFileOptions::default().compression_method(CompressionMethod::Stored);
    let world = serde_json::to_vec(&state.world).unwrap_or_default();
    let files: [(&str, &[u8]); 4] = [
        (SETTINGS, b"# settings of the simulator\n"),
        ("etc/pihole/gravity.db", &world),
        ("etc/pihole/pihole-FTL.db", b""),
        ("etc/hosts", b"127.0.0.1 localhost\n"),
    ];
    for (name, content) in files {
        zip.start_file(name, stored)?;
        zip.write_all(content)?;
    }
    Ok(zip.finish()?.into_inner())
}

fn restore(call: &Call<'_>) -> Result<Reply, Reply> {
    let bad = |message: &str, hint: Option<&str>| error(400, "bad_request", message, hint);
    let kind = call.request.header("content-type").unwrap_or_default();
    let Some(boundary) = kind.strip_prefix("multipart/form-data; boundary=") else {
        return Err(bad("Invalid form request", None));
    };
    let file = part(&call.request.body, boundary).unwrap_or_default();
    let Ok(mut archive) = ZipArchive::new(Cursor::new(file)) else {
        let hint = "The uploaded file does not appear to be a valid Pi-hole Teleporter archive";
        return Err(bad("Invalid file", Some(hint)));
    };
    let Ok(mut settings) = archive.by_name(SETTINGS) else { return Ok(reply(200, json!({ "files": [] }))) };
    let mut text = String::new();
    let is_toml = settings.read_to_string(&mut text).is_ok() && text.lines().all(is_toml_line);
    if !is_toml {
        let hint = format!("File {SETTINGS} in ZIP archive is not a valid TOML file");
        return Err(bad("Invalid request", Some(&hint)));
    }
    Ok(reply(200, json!({ "files": [SETTINGS] })))
}

/// Enough to tell a settings file from what is none: blank, a comment, a table, or a key and its value.
fn is_toml_line(line: &str) -> bool {
    let line = line.trim();
    let is_key =
        |key: &str| !key.is_empty() && key.trim().chars().all(|c| c.is_ascii_alphanumeric() || "-_.\"".contains(c));
    line.is_empty() || line.starts_with(['#', '[', ']']) || line.split_once('=').is_some_and(|(key, _)| is_key(key))
}

/// The content of the first part of a form.
fn part<'a>(body: &'a [u8], boundary: &str) -> Option<&'a [u8]> {
    let find = |from: usize, what: &[u8]| {
        body.get(from..)?.windows(what.len()).position(|window| window == what).map(|at| from + at)
    };
    let start = find(0, b"\r\n\r\n")? + 4;
    let end = find(start, format!("\r\n--{boundary}").as_bytes())?;
    body.get(start..end)
}
