//! `handfast journal dump|verify`: reads the files as they are, without the journal's lock and without changing anything.

use std::path::{Path, PathBuf};

use super::{Chosen, Exit, JournalAction, complain, print};
use crate::journal::dump::{self, Line, SegmentDump};

pub(super) fn run(file: &Chosen, action: &JournalAction) -> Exit {
    let (JournalAction::Dump { path } | JournalAction::Verify { path }) = action;
    let folder = match path.clone().map_or_else(|| configured(file), Ok) {
        Ok(folder) => folder,
        Err(exit) => return exit,
    };
    match action {
        JournalAction::Dump { .. } => dump_all(&folder),
        JournalAction::Verify { .. } => verify(&folder),
    }
}

fn configured(file: &Chosen) -> Result<PathBuf, Exit> {
    file.source().load().map(|config| config.journal.path).map_err(|errors| {
        complain(errors);
        Exit::Usage
    })
}

fn dump_all(folder: &Path) -> Exit {
    let segments = match dump::dump(folder) {
        Ok(segments) => segments,
        Err(error) => {
            complain(format!("error: {error}"));
            return Exit::Problem;
        }
    };
    if segments.is_empty() {
        complain(format!("error: no journal segment is in {}", folder.display()));
        return Exit::Problem;
    }
    let mut exit = Exit::Ok;
    for segment in &segments {
        if dump_segment(segment) == Exit::Problem {
            exit = Exit::Problem;
        }
    }
    exit
}

fn dump_segment(segment: &SegmentDump) -> Exit {
    let name = segment.path.file_name().unwrap_or_default().to_string_lossy();
    match &segment.scan {
        Err(damage) => {
            complain(format!("error: {} {damage}", segment.path.display()));
            Exit::Problem
        }
        Ok(scan) => {
            let header = &scan.header;
            let (cluster, node, epoch, bytes) = (&header.cluster, &header.node, header.epoch, segment.size_bytes);
            print(&format!("{name}: cluster {cluster}, node {node}, epoch {epoch}, {bytes} bytes\n"));
            for found in &scan.found {
                print(&format!("{}\n", Line { segment: &name, found }));
            }
            if scan.torn {
                print(&format!("{name}: ends in a write that was never acknowledged\n"));
            }
            Exit::Ok
        }
    }
}

fn verify(folder: &Path) -> Exit {
    match dump::verify(folder) {
        Ok(found) => {
            let torn =
                if found.torn { "; ends in a write that was never acknowledged, which a start drops" } else { "" };
            print(&format!(
                "{}: in order. cluster {}, node {}, epoch {}, {} segments, {} records in the newest{torn}\n",
                folder.display(),
                found.cluster,
                found.node,
                found.epoch,
                found.segments,
                found.records,
            ));
            Exit::Ok
        }
        Err(error) => {
            complain(format!("error: {error}"));
            Exit::Problem
        }
    }
}
