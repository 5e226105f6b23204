//! `then:` → the actions of a rule: defaults filled in, scopes resolved, the terminal one last.

use super::project::BLOCK_STATUS;
use super::resolve::is_token;
use super::scope::Checker;
use crate::diagnostic::{Code, Diagnostic};
use crate::ir::{Action, AllowScope, TemplatePart};
use crate::source::{Span, Spanned};
use crate::syntax::ast;

/// Header names that a `strip` must leave: framing, routing and connection handling depend on them.
const UNSTRIPPABLE: [&str; 10] = [
    "connection",
    "content-length",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
/// Statuses that a redirect can have.
const REDIRECT_STATUS: [u64; 5] = [301, 302, 303, 307, 308];
/// A connection that is held longer costs the edge more than the client.
const MAX_TARPIT_SECONDS: u64 = 300;
const MAX_SCORE: u64 = 100_000;
/// Of a redirect's text: clients take a Location of some thousand bytes.
const MAX_LOCATION: usize = 2000;
const MAX_PLACEHOLDERS: usize = 8;

impl<'a> Checker<'a> {
    /// The actions of a signature. Wrong ones are reported and left out.
    pub fn actions(&mut self, signature: &'a ast::Signature) -> Vec<Action> {
        let has_rate = signature.rate.is_some();
        if signature.then.is_empty() {
            return vec![if has_rate { Action::Throttle } else { Action::Block(None) }];
        }
        let mut lowered: Vec<(Action, Span)> = Vec::with_capacity(signature.then.len());
        for action in &signature.then {
            if let Some(new) = self.action(signature, action) {
                self.add_action(&mut lowered, new, action.span);
            }
        }
        self.check_expires(signature);
        self.check_terminals(&lowered);
        self.check_company(signature, &lowered);
        let (terminal, mut others): (Vec<Action>, Vec<Action>) =
            lowered.into_iter().map(|(action, _)| action).partition(Action::is_terminal);
        others.extend(terminal);
        others
    }

    /// Adds an action to those before it: strips and scopes join, anything else must not come twice.
    fn add_action(&mut self, lowered: &mut Vec<(Action, Span)>, new: Action, span: Span) {
        for (old, old_span) in lowered.iter_mut() {
            match (old, &new) {
                (Action::Strip(old), Action::Strip(new)) => {
                    old.extend(new.iter().cloned());
                    old.sort();
                    old.dedup();
                    return;
                }
                (Action::Allow(AllowScope::Rules(old)), Action::Allow(AllowScope::Rules(new))) => {
                    old.extend(new.iter().cloned());
                    old.sort();
                    old.dedup();
                    return;
                }
                (old, new) if old == new || matches!((&old, new), (Action::Score(_), Action::Score(_))) => {
                    let first = *old_span;
                    self.report(
                        Diagnostic::new(Code::InvalidAction, span, "this action stands twice", "again")
                            .secondary(first, "the first one")
                            .help("keep one of the two"),
                    );
                    return;
                }
                _ => {}
            }
        }
        lowered.push((new, span));
    }

    /// Exceptions from single signatures are forgotten easily.
    fn check_expires(&mut self, signature: &'a ast::Signature) {
        let scoped = signature.then.iter().find(|action| matches!(action.value, ast::Action::Allow(Some(_))));
        if let (Some(action), None) = (scoped, &signature.expires) {
            let message = "an `allow` for some signatures needs `expires`";
            self.report(
                Diagnostic::new(Code::InvalidAction, action.span, message, "would be a hole for ever")
                    .secondary(signature.id.span, "this signature has no `expires`")
                    .help("add `expires: YYYY-MM-DD`"),
            );
        }
    }

    fn check_terminals(&mut self, lowered: &[(Action, Span)]) {
        let mut terminals = lowered.iter().filter(|(action, _)| action.is_terminal());
        let Some((_, first)) = terminals.next() else { return };
        for (_, span) in terminals {
            self.report(
                Diagnostic::new(
                    Code::InvalidAction,
                    *span,
                    "two actions that end the evaluation",
                    "the first one ended it",
                )
                .secondary(*first, "ends the evaluation")
                .help("keep one of `block`, `redirect`, `throttle`, `tarpit` and `allow`"),
            );
        }
    }

    /// Actions that take effect at different times do not go together.
    fn check_company(&mut self, signature: &'a ast::Signature, lowered: &[(Action, Span)]) {
        let has_rate = signature.rate.is_some();
        let scoped = lowered.iter().any(|(action, _)| matches!(action, Action::Allow(AllowScope::Rules(_))));
        for (action, span) in lowered {
            let is_allow = matches!(action, Action::Allow(_));
            if is_allow && has_rate {
                self.report(
                    Diagnostic::new(
                        Code::InvalidAction,
                        *span,
                        "`allow` comes before everything and rates come last",
                        "with a rate",
                    )
                    .help("put the exception into the `except` of the signatures that it is for"),
                );
            }
            if matches!(action, Action::Score(_)) && has_rate {
                self.report(
                    Diagnostic::new(
                        Code::InvalidAction,
                        *span,
                        "the score is summed up before the rates",
                        "comes too late",
                    )
                    .help("use `throttle`, `block` or `log` with a rate"),
                );
            }
            if scoped && !is_allow && (action.is_terminal() || matches!(action, Action::Score(_))) {
                self.report(
                    Diagnostic::new(
                        Code::InvalidAction,
                        *span,
                        "a signature allows or acts, not both",
                        "with a scoped `allow`",
                    )
                    .help("with `allow` go `log`, `tag` and `strip`; make two signatures of it"),
                );
            }
        }
    }

    fn invalid_action(&mut self, span: Span, message: impl Into<String>, help: impl Into<String>) {
        self.report(Diagnostic::new(Code::InvalidAction, span, message, "cannot be done").help(help));
    }

    fn action(&mut self, signature: &'a ast::Signature, action: &'a Spanned<ast::Action>) -> Option<Action> {
        let span = action.span;
        match &action.value {
            ast::Action::Block(None) => Some(Action::Block(None)),
            ast::Action::Block(Some(status)) => {
                if BLOCK_STATUS.contains(&status.value) {
                    return Some(Action::Block(Some(status.value as u16)));
                }
                let message = format!("`block` with the status {}", status.value);
                self.invalid_action(status.span, message, "a refusal has a status from 400 to 599");
                None
            }
            ast::Action::Log => Some(Action::Log),
            ast::Action::Tag(name) => {
                let text = String::from_utf8_lossy(&name.value).into_owned();
                if is_tag(&text) {
                    return Some(Action::Tag(text));
                }
                self.invalid_action(
                    name.span,
                    format!("`{text}` cannot be a tag"),
                    "a tag is 1 to 64 of `a-z`, `0-9`, `_` and `-`, and starts with a letter or digit",
                );
                None
            }
            ast::Action::Score(points) => {
                if (1..=MAX_SCORE).contains(&points.value) {
                    return Some(Action::Score(points.value as u32));
                }
                self.invalid_action(
                    points.span,
                    format!("a score of {}", points.value),
                    format!("a score is 1 to {MAX_SCORE}"),
                );
                None
            }
            ast::Action::Allow(None) => Some(Action::Allow(AllowScope::Everything)),
            ast::Action::Allow(Some(scope)) => self.scoped_allow(signature, scope),
            ast::Action::Redirect { status, template } => {
                let valid = REDIRECT_STATUS.contains(&status.value);
                if !valid {
                    let message = format!("`redirect` with the status {}", status.value);
                    self.invalid_action(status.span, message, "a redirect has the status 301, 302, 303, 307 or 308");
                }
                let template = self.template(template)?;
                valid.then_some(Action::Redirect { status: status.value as u16, template })
            }
            ast::Action::Strip(names) => self.strip(names, span),
            ast::Action::Throttle => {
                if signature.rate.is_some() {
                    return Some(Action::Throttle);
                }
                self.invalid_action(span, "`throttle` without a rate", "add a `rate:`, or use `block(429)`");
                None
            }
            ast::Action::Tarpit(duration) => {
                let seconds = duration.value.0 / 1000;
                if duration.value.0.is_multiple_of(1000) && (1..=MAX_TARPIT_SECONDS).contains(&seconds) {
                    return Some(Action::Tarpit(seconds as u32));
                }
                self.invalid_action(
                    duration.span,
                    "a tarpit lasts whole seconds",
                    format!("from 1s to {MAX_TARPIT_SECONDS}s"),
                );
                None
            }
        }
    }

    fn scoped_allow(&mut self, signature: &'a ast::Signature, scope: &'a ast::AllowScope) -> Option<Action> {
        let ids = self.context.ids;
        match scope {
            ast::AllowScope::Id(id) => {
                let name = String::from_utf8_lossy(&id.value);
                match ids.get(&name) {
                    Some(other) if other.id.value == signature.id.value => {
                        self.invalid_action(
                            id.span,
                            "an `allow` for itself",
                            "name the signature that is to be skipped",
                        );
                        None
                    }
                    Some(other) if is_allow(other) => {
                        let message = format!("`{name}` is an `allow` itself");
                        self.invalid_action(id.span, message, "name the signature that is to be skipped");
                        None
                    }
                    Some(_) => Some(Action::Allow(AllowScope::Rules(vec![name.into_owned()]))),
                    None if ids.is_known(&name) => Some(Action::Allow(AllowScope::Rules(vec![name.into_owned()]))),
                    None => {
                        let message = format!("there is no signature `{name}`");
                        let mut diagnostic = Diagnostic::new(Code::InvalidAction, id.span, message, "unknown id");
                        if let Some(near) = ids.nearest_id(&name) {
                            diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
                        }
                        self.report(diagnostic);
                        None
                    }
                }
            }
            ast::AllowScope::Tag(tag) => {
                let name = String::from_utf8_lossy(&tag.value);
                let mut scope: Vec<String> = ids
                    .tagged(&name)
                    .iter()
                    .filter(|other| !is_allow(other) && other.id.value != signature.id.value)
                    .map(|other| other.id.value.clone())
                    .collect();
                scope.sort();
                scope.dedup();
                if scope.is_empty() && !ids.is_partial() {
                    let message = format!("no signature has the tag `{name}`");
                    let mut diagnostic = Diagnostic::new(Code::InvalidAction, tag.span, message, "skips nothing");
                    if !ids.tagged(&name).is_empty() {
                        diagnostic.message = format!("no signature that could be skipped has the tag `{name}`");
                        diagnostic = diagnostic.help("neither this signature nor another `allow` can be");
                    } else if let Some(near) = ids.nearest_tag(&name) {
                        diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
                    } else {
                        diagnostic = diagnostic.help("name a tag that stands under `tags:` of another signature");
                    }
                    self.report(diagnostic);
                    return None;
                }
                Some(Action::Allow(AllowScope::Rules(scope)))
            }
        }
    }

    /// `https://{req.host}{req.url.raw}`
    fn template(&mut self, template: &Spanned<Vec<u8>>) -> Option<Vec<TemplatePart>> {
        let Some(text) = std::str::from_utf8(&template.value)
            .ok()
            .filter(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()))
        else {
            self.invalid_action(
                template.span,
                "a redirect leads to a URL of printable ASCII characters without blanks",
                "write other bytes as `%HH`",
            );
            return None;
        };
        let shown = text.matches('{').count();
        if text.len() > MAX_LOCATION || shown > MAX_PLACEHOLDERS {
            self.invalid_action(
                template.span,
                format!("a redirect's text of {} bytes with {shown} placeholders", text.len()),
                format!("it has at most {MAX_LOCATION} bytes and {MAX_PLACEHOLDERS} placeholders"),
            );
            return None;
        }
        if let Some(at) = text.find('$') {
            let placeholder = text[at + 1..].starts_with('{');
            let help = match placeholder {
                true => {
                    "write it without the `$`: `https://{req.host}{req.url.raw}`; a dollar sign of the URL is `%24`"
                }
                false => "a redirect knows `{req.host}` and `{req.url.raw}`; a dollar sign of the URL is `%24`",
            };
            self.invalid_action(template.span, "there are no `$` variables in a redirect", help);
            return None;
        }
        // Behind these a path can begin with the name of another host.
        const OPEN: [&str; 4] = ["{req.url.raw}", "/{req.url.raw}", "https://{req.url.raw}", "http://{req.url.raw}"];
        if OPEN.iter().any(|start| text.starts_with(start)) {
            self.invalid_action(
                template.span,
                "this redirect can be made to lead to any site: browsers read `//evil.example/` as another host",
                "write `https://{req.host}{req.url.raw}`",
            );
            return None;
        }
        if !["https://", "http://", "/"].iter().any(|start| text.starts_with(start)) {
            self.invalid_action(
                template.span,
                "a redirect leads to a whole URL or to a path of the same site",
                "start it with `https://`, or with `/`",
            );
            return None;
        }
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let (before, part, after) = match rest.find(['{', '}']) {
                None => (rest, None, ""),
                Some(start) => {
                    let tail = &rest[start..];
                    let (part, length) = if tail.starts_with("{req.host}") {
                        (TemplatePart::Host, "{req.host}".len())
                    } else if tail.starts_with("{req.url.raw}") {
                        (TemplatePart::UrlRaw, "{req.url.raw}".len())
                    } else {
                        self.invalid_action(
                            template.span,
                            "a redirect knows the placeholders `{req.host}` and `{req.url.raw}` only",
                            "write a brace that is part of the URL as `%7B` or `%7D`",
                        );
                        return None;
                    };
                    (&rest[..start], Some(part), &tail[length..])
                }
            };
            if !before.is_empty() {
                parts.push(TemplatePart::Text(before.to_owned()));
            }
            parts.extend(part);
            rest = after;
        }
        Some(parts)
    }

    fn strip(&mut self, names: &[Spanned<Vec<u8>>], span: Span) -> Option<Action> {
        let mut lowered = Vec::with_capacity(names.len());
        let mut valid = true;
        if names.is_empty() {
            self.invalid_action(span, "`strip` without a header", "name the header: `strip(\"x-debug\")`");
            return None;
        }
        for name in names {
            let text = String::from_utf8_lossy(&name.value).to_ascii_lowercase();
            if !is_token(text.as_bytes()) {
                self.invalid_action(
                    name.span,
                    format!("`{text}` cannot be the name of a header"),
                    "header names are letters, digits and ``!#$%&'*+-.^_`|~``",
                );
                valid = false;
            } else if UNSTRIPPABLE.contains(&text.as_str()) {
                self.invalid_action(
                    name.span,
                    format!("`{text}` cannot be stripped"),
                    "the request would be read or routed otherwise without it",
                );
                valid = false;
            } else {
                lowered.push(text);
            }
        }
        lowered.sort();
        lowered.dedup();
        valid.then_some(Action::Strip(lowered))
    }
}

/// Whether a signature as written allows something.
fn is_allow(signature: &ast::Signature) -> bool {
    signature.then.iter().any(|action| matches!(action.value, ast::Action::Allow(_)))
}

/// `[a-z0-9][a-z0-9_-]{0,63}`
fn is_tag(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit())
        && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_' || byte == b'-')
}
