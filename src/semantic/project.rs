//! The project file → [`Settings`] with every default filled in. The driver calls [`settings`] after the lists are
//! read, and [`services`] once the ids of the set are known.

use super::Files;
use super::lists::is_identifier;
use super::resolve::is_token;
use super::scope::{Checker, Ids};
use super::term::list_element;
use crate::catalog::{FIELDS, Field, Type};
use crate::diagnostic::{Code, Diagnostic, Diagnostics, nearest};
use crate::ir::{Block, BlockBody, FastlySettings, Limits, List, ListIndex, Service, Settings, VarnishSettings};
use crate::source::{SourceId, Span, Spanned};
use crate::syntax::ast;
use std::ops::RangeInclusive;

/// Vmods of a Varnish project that names none.
const VMODS: [&str; 7] = ["std", "blob", "var", "header", "vsthrottle", "bodyaccess", "directors"];
/// Statuses of a refusal.
pub(super) const BLOCK_STATUS: RangeInclusive<u64> = 400..=599;
/// Bytes of a block body from a file.
const MAX_BLOCK_BODY: usize = 65_536;
/// Headers that hold no fact: engines make or rewrite them.
const NO_FACT_HEADERS: [&str; 8] =
    ["host", "x-forwarded-for", "content-length", "transfer-encoding", "connection", "cookie", "via", "x-varnish"];

/// Settings of a folder without project file.
pub(super) fn defaults() -> Settings {
    Settings {
        prefix: "edgesig".to_owned(),
        limits: Limits { url: 4096, values: 8, names: 32, body: 65_536, over: Some(414) },
        block: Block { status: 403, body: BlockBody::Json },
        score_threshold: None,
        trusted_proxies: None,
        facts: Vec::new(),
        targets: vec!["varnish".to_owned()],
        varnish: VarnishSettings {
            version: "7.1".to_owned(),
            version_span: None,
            vmods: VMODS.map(str::to_owned).to_vec(),
        },
        fastly: FastlySettings { log_endpoint: "edgesig".to_owned() },
        services: Vec::new(),
    }
}

/// Everything but the services.
pub(super) fn settings(
    project: &ast::Project,
    lists: &[List],
    files: &dyn Files,
    diagnostics: &mut Diagnostics,
) -> Settings {
    let mut settings = defaults();
    let reader = &mut Reader { diagnostics };
    if let Some(prefix) = &project.prefix {
        settings.prefix = prefix.value.clone();
    }
    reader.block(project, files, &mut settings.block);
    reader.limits(&project.limits, &mut settings);
    if let Some(threshold) = &project.score_threshold {
        settings.score_threshold = reader.number(threshold, 1..=1_000_000, "score.threshold");
    }
    reader.targets(&project.targets, &mut settings);
    settings.trusted_proxies = project.trusted_proxies.as_ref().and_then(|name| reader.trusted_proxies(name, lists));
    settings.facts = reader.facts(project);
    settings
}

struct Reader<'r> {
    diagnostics: &'r mut Diagnostics,
}

impl Reader<'_> {
    fn error(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.diagnostics.push(Diagnostic::new(Code::InvalidConfig, span, message, "cannot be done").help(help));
    }

    fn number(&mut self, value: &Spanned<u64>, range: RangeInclusive<u64>, name: &str) -> Option<u32> {
        if range.contains(&value.value) {
            return u32::try_from(value.value).ok();
        }
        let message = format!("`{name}` is {}, out of its range", value.value);
        self.error(value.span, message, format!("allowed are {} to {}", range.start(), range.end()));
        None
    }

    fn block(&mut self, project: &ast::Project, files: &dyn Files, block: &mut Block) {
        if let Some(status) = &project.block.status
            && let Some(status) = self.number(status, BLOCK_STATUS, "block.status")
        {
            block.status = status as u16;
        }
        let Some(body) = &project.block.body else { return };
        block.body = match body.value.as_str() {
            "json" => BlockBody::Json,
            "html" => BlockBody::Html,
            "text" => BlockBody::Text,
            path => match self.block_file(path, body.span, project.source, files) {
                Some(body) => body,
                None => return,
            },
        };
    }

    fn block_file(&mut self, path: &str, span: Span, source: SourceId, files: &dyn Files) -> Option<BlockBody> {
        let content = match files.read(source, path) {
            Ok(content) => content,
            Err(error) => {
                let message = format!("the block body `{path}` cannot be read: {error}");
                self.error(span, message, "`block.body` is `json`, `html`, `text`, or the path of a file");
                return None;
            }
        };
        let size = content.len();
        if size > MAX_BLOCK_BODY {
            let message = format!("the block body `{path}` has {size} bytes");
            self.error(span, message, format!("it may have {MAX_BLOCK_BODY}: every refusal sends it"));
            return None;
        }
        match String::from_utf8(content) {
            Ok(content) if !content.contains('\0') => {
                let extension = path.rsplit_once('.').map_or("", |(_, extension)| extension);
                let content_type = match extension {
                    "html" | "htm" => "text/html; charset=utf-8",
                    "json" => "application/json",
                    _ => "text/plain; charset=utf-8",
                };
                Some(BlockBody::File { content, content_type: content_type.to_owned() })
            }
            Ok(_) | Err(_) => {
                self.error(span, format!("the block body `{path}` is not text"), "it must be UTF-8 without NUL");
                None
            }
        }
    }

    fn limits(&mut self, written: &ast::ProjectLimits, settings: &mut Settings) {
        let block_status = settings.block.status;
        let limits = &mut settings.limits;
        // Their ranges are those of `syntax::keys`.
        let set = |value: &Option<Spanned<u64>>, slot: &mut u32| {
            if let Some(value) = value.as_ref().and_then(|value| u32::try_from(value.value).ok()) {
                *slot = value;
            }
        };
        set(&written.url, &mut limits.url);
        set(&written.values, &mut limits.values);
        set(&written.names, &mut limits.names);
        set(&written.body, &mut limits.body);
        let Some(over) = &written.over else { return };
        match &over.value {
            ast::Action::Block(None) => limits.over = Some(block_status),
            ast::Action::Block(Some(status)) => {
                if let Some(status) = self.number(status, BLOCK_STATUS, "limits.over") {
                    limits.over = Some(status as u16);
                }
            }
            ast::Action::Log => limits.over = None,
            ast::Action::Tag(_)
            | ast::Action::Score(_)
            | ast::Action::Allow(_)
            | ast::Action::Redirect { .. }
            | ast::Action::Strip(_)
            | ast::Action::Throttle
            | ast::Action::Tarpit(_) => {
                self.error(over.span, "a request over a limit can be blocked or logged", "write `block(414)` or `log`");
            }
        }
    }

    fn targets(&mut self, written: &ast::ProjectTargets, settings: &mut Settings) {
        let named: Vec<String> = [("varnish", written.varnish.is_some()), ("fastly", written.fastly.is_some())]
            .into_iter()
            .filter(|(_, named)| *named)
            .map(|(name, _)| name.to_owned())
            .collect();
        if !named.is_empty() {
            settings.targets = named;
        }
        if let Some(varnish) = &written.varnish {
            if let Some(version) = &varnish.version {
                let is_version = version.value.split_once('.').is_some_and(|(major, minor)| {
                    [major, minor]
                        .iter()
                        .all(|part| (1..=3).contains(&part.len()) && part.bytes().all(|byte| byte.is_ascii_digit()))
                });
                if is_version {
                    settings.varnish.version = version.value.clone();
                    settings.varnish.version_span = Some(version.span);
                } else {
                    let message = format!("`{}` is no version of Varnish", version.value);
                    self.error(version.span, message, "write it in quotes, as major and minor number: `\"7.1\"`");
                }
            }
            if let Some(vmods) = &varnish.vmods {
                for vmod in vmods.iter().filter(|vmod| !is_identifier(&vmod.value)) {
                    self.error(
                        vmod.span,
                        format!("`{}` is no name of a vmod", vmod.value),
                        "write names as in `import std;`",
                    );
                }
                settings.varnish.vmods = vmods.iter().map(|vmod| vmod.value.clone()).collect();
            }
        }
        if let Some(endpoint) = written.fastly.as_ref().and_then(|fastly| fastly.log_endpoint.as_ref()) {
            let is_name = !endpoint.value.is_empty()
                && endpoint.value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"');
            if is_name {
                settings.fastly.log_endpoint = endpoint.value.clone();
            } else {
                self.error(
                    endpoint.span,
                    "this cannot be the name of a log endpoint",
                    "use printable ASCII without blanks and quotes",
                );
            }
        }
    }

    fn trusted_proxies(&mut self, name: &Spanned<String>, lists: &[List]) -> Option<ListIndex> {
        let word = name.value.strip_prefix('@').unwrap_or(&name.value);
        let Ok(index) = lists.binary_search_by(|list| list.name.as_str().cmp(word)) else {
            let mut diagnostic = Diagnostic::new(
                Code::UnknownList,
                name.span,
                format!("the project has no list `{word}`"),
                "not in `lists:`",
            );
            if let Some(near) = nearest(word, lists.iter().map(|list| list.name.as_str())) {
                diagnostic = diagnostic.fix(format!("did you mean `{near}`?"), name.span, near);
            } else {
                diagnostic = diagnostic.help(format!(
                    "define it: `lists: {{{}: {{type: ip, values: [10.0.0.0/8]}}}}`, with your balancer's networks",
                    if is_identifier(word) { word } else { "our_lb" }
                ));
            }
            self.diagnostics.push(diagnostic);
            return None;
        };
        let list = &lists[index];
        let found = list_element(list);
        if found != Type::Ip {
            let diagnostic = Diagnostic::new(
                Code::TypeMismatch,
                name.span,
                format!("trusted proxies are a list of ip, `{word}` is one of {found}"),
                format!("list<{found}>"),
            )
            .secondary(list.span, "defined here");
            self.diagnostics.push(diagnostic);
            return None;
        }
        Some(ListIndex(index))
    }

    fn facts(&mut self, project: &ast::Project) -> Vec<(Field, String)> {
        if project.trusted_proxies.is_none()
            && let Some((first, _)) = project.facts.first()
        {
            self.error(
                first.span,
                "facts are headers that anyone could send, and the project trusts no proxy",
                "name the terminators that set them: `trusted_proxies: LIST`",
            );
        }
        let mut facts: Vec<(Field, String)> = Vec::new();
        for (name, header) in &project.facts {
            let field = Field::from_name(&name.value).filter(|field| field.is_fact());
            let lower = header.value.to_ascii_lowercase();
            // A dot is a legal character of a header's name, and VCL's way to say what a name belongs to.
            if let Some(bare) = ["req.http.", "bereq.http.", "http."].iter().find_map(|vcl| lower.strip_prefix(vcl)) {
                let message = format!("`{}` is a variable of VCL, not the name of a header", header.value);
                self.diagnostics.push(
                    Diagnostic::new(Code::InvalidConfig, header.span, message, "not a header's name").fix(
                        format!("write the name alone: `{bare}`"),
                        header.span,
                        bare,
                    ),
                );
                continue;
            }
            if !is_token(lower.as_bytes()) || NO_FACT_HEADERS.contains(&lower.as_str()) {
                let message = format!("`{}` cannot be the header of a fact", header.value);
                self.error(header.span, message, "name a header that only the terminator sets, as in `x-ja3`");
                continue;
            }
            if facts.iter().any(|(_, other)| *other == lower) {
                let message = format!("the header `{lower}` is two facts");
                self.error(header.span, message, "give each fact a header of its own");
                continue;
            }
            match field {
                Some(field) => facts.push((field, lower)),
                None => {
                    let candidates = FIELDS.iter().filter(|row| row.field.is_fact()).map(|row| row.name);
                    let names: Vec<&str> = candidates.clone().collect();
                    let message = format!("`{}` is no field that a terminator can tell", name.value);
                    let mut diagnostic = Diagnostic::new(Code::InvalidConfig, name.span, message, "not a fact")
                        .help(format!("facts are {}", names.join(", ")));
                    if let Some(near) = nearest(&name.value, candidates) {
                        diagnostic = diagnostic.fix(format!("did you mean `{near}`?"), name.span, near);
                    }
                    self.diagnostics.push(diagnostic);
                }
            }
        }
        facts.sort();
        facts
    }
}

/// `services:`. `checker` takes the diagnostics.
pub(super) fn services<'a>(written: &'a [ast::Service], checker: &mut Checker<'a>) -> Vec<Service> {
    let ids = checker.context.ids;
    let mut services = Vec::with_capacity(written.len());
    for service in written {
        for id in service
            .select_ids
            .iter()
            .flatten()
            .chain(service.modes.iter().map(|(id, _)| id))
            .chain(service.except.iter().map(|(id, _)| id))
        {
            check_id(id, ids, checker);
        }
        for tag in service.select_tags.iter().flatten() {
            check_tag(tag, ids, checker);
        }
        let mut except = Vec::new();
        for (id, expression) in &service.except {
            if let Some(predicate) = checker.request_condition(expression, "`except`") {
                refuse_constant_exception(&predicate, expression.span, checker);
                except.push((id.value.clone(), predicate));
            }
        }
        let mut modes: Vec<_> = service.modes.iter().map(|(id, mode)| (id.value.clone(), mode.value)).collect();
        modes.sort_by(|a, b| a.0.cmp(&b.0));
        except.sort_by(|a, b| a.0.cmp(&b.0));
        let values = |names: &Option<Vec<Spanned<String>>>| {
            names.as_ref().map(|names| names.iter().map(|name| name.value.clone()).collect())
        };
        services.push(Service {
            name: service.name.value.clone(),
            select_tags: values(&service.select_tags),
            select_ids: values(&service.select_ids),
            modes,
            except,
        });
    }
    services.sort_by(|a, b| a.name.cmp(&b.name));
    services
}

/// `except: true` and `except: false` are mistakes.
pub(super) fn refuse_constant_exception(predicate: &crate::ir::Predicate, span: Span, checker: &mut Checker) {
    use crate::ir::Predicate;
    let (message, help) = if *predicate == Predicate::TRUE {
        ("this exception always holds, so the signature never matches", "use `mode: draft` or `mode: retired`")
    } else if *predicate == Predicate::FALSE {
        ("this exception never holds", "leave it out")
    } else {
        return;
    };
    checker.report(Diagnostic::new(Code::ConstantCondition, span, message, "always the same").help(help));
}

fn check_id(id: &Spanned<String>, ids: &Ids, checker: &mut Checker) {
    if ids.is_known(&id.value) {
        return;
    }
    let message = format!("there is no signature `{}`", id.value);
    let mut diagnostic = Diagnostic::new(Code::InvalidConfig, id.span, message, "unknown id");
    if let Some(near) = ids.nearest_id(&id.value) {
        diagnostic = diagnostic.fix(format!("did you mean `{near}`?"), id.span, near);
    }
    checker.report(diagnostic);
}

fn check_tag(tag: &Spanned<String>, ids: &Ids, checker: &mut Checker) {
    if ids.is_partial() || !ids.tagged(&tag.value).is_empty() {
        return;
    }
    let message = format!("no signature has the tag `{}`", tag.value);
    let mut diagnostic = Diagnostic::new(Code::InvalidConfig, tag.span, message, "selects nothing");
    if let Some(near) = ids.nearest_tag(&tag.value) {
        diagnostic = diagnostic.fix(format!("did you mean `{near}`?"), tag.span, near);
    }
    checker.report(diagnostic);
}
