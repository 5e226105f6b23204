//! A path → the folders, links and files that are passed on the way to what it names. A link or a submodule that changed
//! changes everything that is read through it, though git names nothing behind it.

use std::ffi::OsString;
use std::fs;
use std::path::{Component, Path};

/// What no system follows further.
const MOST_LINKS: usize = 40;
/// Bytes of a path that no system opens.
const LONGEST: usize = 4096;

/// Whether something that `is_touched` lies on the way from `folder`, absolute and without links, to what `path` names,
/// that included. Names alone decide where nothing is.
pub fn passes(folder: &Path, path: &Path, is_touched: impl Fn(&Path) -> bool) -> bool {
    let parts = |path: &Path| -> Vec<OsString> {
        path.components().rev().map(|component| component.as_os_str().to_owned()).collect()
    };
    let mut place = folder.to_owned();
    let mut waiting = parts(path);
    let mut links = 0;
    while let Some(part) = waiting.pop() {
        match Path::new(&part).components().next() {
            Some(Component::ParentDir) => {
                place.pop();
            }
            Some(Component::CurDir) | None => {}
            // Where it is a root, that is all that is left.
            Some(Component::Normal(_) | Component::RootDir | Component::Prefix(_)) => {
                place.push(&part);
                if is_touched(&place) {
                    return true;
                }
                if let Ok(target) = fs::read_link(&place) {
                    links += 1;
                    place.pop();
                    waiting.extend(parts(&target));
                }
                if links > MOST_LINKS || place.as_os_str().len() > LONGEST {
                    return false;
                }
            }
        }
    }
    false
}
