//! The texts of rates, durations, modes and actions → their values, with the rules of `grammar/condition.pest`.
//! Called by `signature` and `project`.

use std::ops::Range;

use pest::Parser;
use pest::iterators::Pair;

use super::ast::{Action, AllowScope, Duration, Limit};
use super::condition::{Grammar, Rule, string_token};
use super::foreign;
use super::report::Report;
use super::scalar_map::Place;
use super::values::Mode;
use crate::diagnostic::{Code, Diagnostic, nearest};
use crate::source::{Span, Spanned};

/// The words of modes.
pub const MODES: [&str; 5] = ["draft", "monitor", "canary", "enforce", "retired"];
/// The words of actions.
pub const ACTIONS: [&str; 9] = ["block", "log", "tag", "score", "allow", "redirect", "strip", "throttle", "tarpit"];
/// Those that can stand without arguments.
pub const BARE_ACTIONS: [&str; 4] = ["block", "log", "allow", "throttle"];

/// What parses a text that stands at a place.
pub(super) type TermParser<T> = fn(&str, &Place, &mut Report<'_>) -> Option<T>;

fn range(pair: &Pair<'_, Rule>) -> Range<usize> {
    pair.as_span().start()..pair.as_span().end()
}

fn invalid(place: &Place, range: Range<usize>, message: String, help: &str) -> Diagnostic {
    Diagnostic::new(Code::InvalidValue, place.span(range), message, "not understood").help(help)
}

/// The first pair of a rule, its end-of-input left out.
fn pairs<'t>(rule: Rule, text: &'t str) -> Option<Vec<Pair<'t, Rule>>> {
    let whole = Grammar::parse(rule, text).ok()?.next()?;
    Some(whole.into_inner().filter(|pair| pair.as_rule() != Rule::EOI).collect())
}

/// `10/60s`
pub(super) fn limit(text: &str, place: &Place, report: &mut Report<'_>) -> Option<Limit> {
    let parsed = pairs(Rule::limit_only, text).and_then(|pairs| {
        let [count, window] = &pairs[..] else { return None };
        let count = count.as_str().parse().ok().filter(|_| count.as_str().len() <= 15)?;
        Some(Limit { count, window: duration_of(window)? })
    });
    if parsed.is_none() {
        let message = format!("`{}` is no rate limit", shorten(text));
        let help = "a limit is a number per time, such as `10/60s` or `100/10m`";
        report.push(with_meant(invalid(place, 0..text.len(), message, help), place, text, meant_limit(text)));
    }
    parsed
}

/// `10m`
pub(super) fn duration(text: &str, place: &Place, report: &mut Report<'_>) -> Option<Duration> {
    let parsed = pairs(Rule::duration_only, text).and_then(|pairs| duration_of(pairs.first()?));
    if parsed.is_none() {
        let message = format!("`{}` is no duration", shorten(text));
        let help = "a duration is an integer and one of `ms s m h d`, such as `10m`";
        report.push(with_meant(invalid(place, 0..text.len(), message, help), place, text, meant_duration(text)));
    }
    parsed
}

/// Adds what was probably meant. A person looks at it: a number without a unit is a guess.
fn with_meant(diagnostic: Diagnostic, place: &Place, text: &str, meant: Option<String>) -> Diagnostic {
    match meant {
        Some(meant) => diagnostic.proposal(format!("did you mean `{meant}`?"), place.span(0..text.len()), meant),
        None => diagnostic,
    }
}

/// `10 minutes`, `10min`: a number of at most 9 digits and a word for a unit; no number is one.
fn meant_duration(text: &str) -> Option<String> {
    let text = text.trim();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "sec" | "secs" | "second" | "seconds" | "s" => "s",
        "min" | "mins" | "minute" | "minutes" | "m" => "m",
        "hour" | "hours" | "hr" | "hrs" | "h" => "h",
        "day" | "days" | "d" => "d",
        _ => return None,
    };
    let number = if digits == 0 { "1" } else { &text[..digits] };
    (digits <= 9).then(|| format!("{number}{unit}"))
}

/// `10/60s` as it is, and `10/60`, `100/minute`, `100 per minute`, nginx's `10r/s`.
pub(super) fn meant_limit(text: &str) -> Option<String> {
    let (count, window) = text.split_once('/').or_else(|| text.split_once(" per "))?;
    let count = count.trim().trim_end_matches("requests").trim_end_matches("req").trim_end_matches('r').trim_end();
    let is_number = (1..=9).contains(&count.len()) && count.bytes().all(|byte| byte.is_ascii_digit());
    let window = match window.trim() {
        seconds if (1..=9).contains(&seconds.len()) && seconds.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!("{seconds}s")
        }
        other => meant_duration(other)?,
    };
    is_number.then(|| format!("{count}/{window}"))
}

fn duration_of(pair: &Pair<'_, Rule>) -> Option<Duration> {
    let text = pair.as_str();
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    super::condition::duration(&text[..digits], &text[digits..])
}

/// An integer, perhaps with a unit.
pub(super) fn duration_like(text: &str) -> bool {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    (1..=9).contains(&digits) && matches!(&text[digits..], "" | "ms" | "s" | "m" | "h" | "d")
}

/// `canary 10%`
pub(super) fn mode(text: &str, place: &Place, report: &mut Report<'_>) -> Option<Mode> {
    let help = "a mode is `draft`, `monitor`, `canary 10%`, `enforce` or `retired`";
    let whole = 0..text.len();
    let Some(pairs) = pairs(Rule::mode_only, text) else {
        let diagnostic = invalid(place, whole.clone(), format!("`{}` is no mode", shorten(text)), help);
        report.push(match meant_share(text) {
            Some(Ok(meant)) => diagnostic.proposal(format!("did you mean `{meant}`?"), place.span(whole), meant),
            Some(Err(help)) => diagnostic.help(help),
            None => diagnostic,
        });
        return None;
    };
    let word = pairs.first().map_or("", |pair| pair.as_str());
    let share = pairs.get(1);
    let mode = match word {
        "draft" => Mode::Draft,
        "monitor" => Mode::Monitor,
        "enforce" => Mode::Enforce,
        "retired" => Mode::Retired,
        "canary" => {
            let percent = share.and_then(|share| share.as_str().trim_end_matches('%').trim_end().parse::<u8>().ok());
            let Some(percent) = percent.filter(|percent| (1..=99).contains(percent)) else {
                let message = "a canary needs a share from 1% to 99%".to_owned();
                report.push(invalid(place, whole, message, "such as `canary 10%`"));
                return None;
            };
            return Some(Mode::Canary(percent));
        }
        other => {
            let diagnostic = invalid(place, whole, format!("unknown mode `{other}`"), help);
            report.push(match foreign::word("mode", other).or_else(|| nearest(other, MODES)) {
                Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), place.span(0..other.len()), near),
                None => diagnostic,
            });
            return None;
        }
    };
    if let Some(share) = share {
        let message = format!("`{word}` takes no share");
        report.push(invalid(place, range(share), message, "only `canary` has one: `canary 10%`"));
        return None;
    }
    Some(mode)
}

/// `canary 10`, `canary(10%)`: the mode that is meant, or why there is none.
fn meant_share(text: &str) -> Option<Result<String, &'static str>> {
    let rest = text.trim().to_ascii_lowercase();
    let rest = rest.strip_prefix("canary")?.trim_matches([' ', '(', ')', '=', ':', '@', '%']);
    if rest.contains(['.', ',']) {
        return Some(Err("a share is a whole number of percent, from `canary 1%` to `canary 99%`"));
    }
    let percent = rest.parse::<u8>().ok().filter(|percent| (1..=99).contains(percent))?;
    Some(Ok(format!("canary {percent}%")))
}

/// The action that a word means, here or elsewhere.
fn known_action(word: &str) -> Option<&'static str> {
    ACTIONS.into_iter().find(|action| *action == word).or_else(|| foreign::word("action", word))
}

/// `block, log`: the actions of a text with commas.
pub(super) fn several_actions(text: &str) -> Option<Vec<&'static str>> {
    if !text.contains(',') || text.len() > 200 || text.contains(['(', '[', '{', '"']) {
        return None;
    }
    text.split(',').map(|word| known_action(word.trim())).collect()
}

/// `block 403`, `strip(req.headers["x"])`: how it is written.
fn meant_action(text: &str) -> Option<String> {
    let text = text.trim();
    if let Some(headers) = text.strip_prefix("strip(").and_then(|rest| rest.strip_suffix(')')) {
        let names: Option<Vec<&str>> = headers
            .split(',')
            .map(|header| {
                let name = header.trim().split_once("[\"")?.1.strip_suffix("\"]")?;
                (!name.is_empty() && !name.contains(['"', '\\', '['])).then_some(name)
            })
            .collect();
        let names: Vec<String> = names?.iter().map(|name| format!("\"{name}\"")).collect();
        return Some(format!("strip({})", names.join(", ")));
    }
    let (name, argument) = text.split_once([' ', '='])?;
    super::signature::action_call(known_action(name)?, Some(argument.trim_matches([' ', '='])))
}

/// One argument of an action.
struct Argument<'t> {
    label: Option<&'t str>,
    value: Pair<'t, Rule>,
    span: Span,
}

/// `redirect(302, "https://{req.host}/")`
pub(super) fn action(text: &str, place: &Place, report: &mut Report<'_>) -> Option<Action> {
    let whole = 0..text.len();
    let Some(pair) = pairs(Rule::action_only, text).and_then(|pairs| pairs.into_iter().next()) else {
        let message = format!("`{}` is no action", shorten(text));
        let help = "an action is a word, with its arguments in brackets: `block(403)`, `tag(\"x\")`";
        let mut diagnostic = invalid(place, whole, message, help);
        if text.contains('(') && !text.contains(')') {
            diagnostic =
                diagnostic.help("in a list in brackets, YAML splits at commas: write one action per line with `-`");
        } else if let Some(meant) = meant_action(text) {
            diagnostic = diagnostic.proposal(format!("did you mean `{meant}`?"), place.span(0..text.len()), meant);
        }
        report.push(diagnostic);
        return None;
    };
    let mut inner = pair.into_inner();
    let name = inner.next()?;
    let arguments: Vec<Argument<'_>> = inner.filter_map(|pair| argument(&pair, place)).collect();
    let mut taker = Taker { name: name.as_str(), whole: place.span(whole), arguments, place, report };
    match name.as_str() {
        "block" => match taker.arguments.is_empty() {
            true => Some(Action::Block(None)),
            false => taker.integers("block(STATUS)").map(|status| Action::Block(Some(status))),
        },
        "log" => taker.nothing(Action::Log),
        "throttle" => taker.nothing(Action::Throttle),
        "score" => taker.integers("score(N)").map(Action::Score),
        "tag" => {
            let [tag] = &taker.strings(1..=1, "tag(\"name\")")?[..] else { return None };
            Some(Action::Tag(tag.clone()))
        }
        "strip" => taker.strings(1..=64, "strip(\"header-name\", …)").map(Action::Strip),
        "tarpit" => taker.tarpit(),
        "redirect" => taker.redirect(),
        "allow" => taker.allow(),
        other => {
            let message = format!("unknown action `{other}`");
            let diagnostic = Diagnostic::new(Code::InvalidAction, place.span(range(&name)), message, "no such action");
            taker.report.push(match foreign::word("action", other).or_else(|| nearest(other, ACTIONS)) {
                _ if other.to_ascii_lowercase().contains("challenge") || other.eq_ignore_ascii_case("captcha") => {
                    diagnostic.help("the edge asks nobody anything: `tag(\"name\")` tells the origin, which can")
                }
                Some(near) => diagnostic.fix(format!("did you mean `{near}`?"), place.span(range(&name)), near),
                None => diagnostic.help(format!("actions are {}", quoted(&ACTIONS))),
            });
            None
        }
    }
}

fn argument<'t>(pair: &Pair<'t, Rule>, place: &Place) -> Option<Argument<'t>> {
    let mut inner: Vec<Pair<'t, Rule>> = pair.clone().into_inner().collect();
    let value = inner.pop()?;
    Some(Argument { label: inner.first().map(Pair::as_str), span: place.span(range(&value)), value })
}

/// Reads the arguments of one action.
struct Taker<'t, 'r, 'd> {
    name: &'t str,
    whole: Span,
    arguments: Vec<Argument<'t>>,
    place: &'r Place,
    report: &'r mut Report<'d>,
}

impl Taker<'_, '_, '_> {
    fn wrong<T>(&mut self, span: Span, form: &str) -> Option<T> {
        let message = format!("wrong arguments for `{}`", self.name);
        let label = format!("expected `{form}`");
        self.report.push(Diagnostic::new(Code::InvalidAction, span, message, label));
        None
    }

    fn nothing(&mut self, action: Action) -> Option<Action> {
        if self.arguments.is_empty() {
            return Some(action);
        }
        let form = self.name.to_owned();
        self.wrong(self.whole, &form)
    }

    /// The one integer that is the action's argument.
    fn integers(&mut self, form: &str) -> Option<Spanned<u64>> {
        match &self.arguments[..] {
            [Argument { label: None, value, span }] => match integer(value) {
                Some(integer) => Some(Spanned::new(integer, *span)),
                None => {
                    let text = value.as_str().trim_end();
                    let bare = text.trim_matches(['"', '\'']);
                    let quoted = bare.len() + 2 == text.len() && (1..=9).contains(&bare.len());
                    let message = format!("wrong arguments for `{}`", self.name);
                    let diagnostic = Diagnostic::new(Code::InvalidAction, *span, message, format!("expected `{form}`"));
                    self.report.push(match quoted && bare.bytes().all(|byte| byte.is_ascii_digit()) {
                        true => diagnostic.fix("remove the quotes", *span, bare),
                        false => diagnostic.help("it takes a number without quotes, fraction or sign"),
                    });
                    None
                }
            },
            _ => self.wrong(self.whole, form),
        }
    }

    fn strings(&mut self, count: std::ops::RangeInclusive<usize>, form: &str) -> Option<Vec<Spanned<Vec<u8>>>> {
        if !count.contains(&self.arguments.len()) {
            return self.wrong(self.whole, form);
        }
        let arguments = std::mem::take(&mut self.arguments);
        arguments
            .into_iter()
            .map(|argument| match argument.label {
                None => self.string(argument, form),
                Some(_) => self.wrong(argument.span, form),
            })
            .collect()
    }

    fn string(&mut self, argument: Argument<'_>, form: &str) -> Option<Spanned<Vec<u8>>> {
        let rule = argument.value.as_rule();
        let text = argument.value.as_str().trim_end();
        if matches!(rule, Rule::line | Rule::bad_quotes) && !text.starts_with('i') {
            return Some(string_token(argument.value, self.place, self.report));
        }
        if rule != Rule::bare {
            return self.wrong(argument.span, form);
        }
        let message = format!("wrong arguments for `{}`", self.name);
        let diagnostic = Diagnostic::new(Code::InvalidAction, argument.span, message, "text is written in quotes");
        self.report.push(diagnostic.fix("add the quotes", argument.span, format!("\"{text}\"")));
        None
    }

    fn tarpit(&mut self) -> Option<Action> {
        let form = "tarpit(5s)";
        match &self.arguments[..] {
            [Argument { label: None, value, span }] => match duration_of(value) {
                Some(duration) if value.as_rule() == Rule::duration => {
                    Some(Action::Tarpit(Spanned::new(duration, *span)))
                }
                _ => self.wrong(*span, form),
            },
            _ => self.wrong(self.whole, form),
        }
    }

    fn redirect(&mut self) -> Option<Action> {
        let form = "redirect(302, \"https://{req.host}{req.url.raw}\")";
        if self.arguments.len() != 2 || self.arguments.iter().any(|argument| argument.label.is_some()) {
            return self.wrong(self.whole, form);
        }
        let target = self.arguments.pop()?;
        let status = self.arguments.pop()?;
        let Some(code) = integer(&status.value) else { return self.wrong(status.span, form) };
        let template = self.string(target, form)?;
        Some(Action::Redirect { status: Spanned::new(code, status.span), template })
    }

    fn allow(&mut self) -> Option<Action> {
        if self.arguments.is_empty() {
            return Some(Action::Allow(None));
        }
        let form = "allow(id: \"x\")` or `allow(tag: \"x\")";
        if self.arguments.len() != 1 {
            return self.wrong(self.whole, form);
        }
        let argument = self.arguments.pop()?;
        match argument.label {
            Some("id") => Some(Action::Allow(Some(AllowScope::Id(self.string(argument, form)?)))),
            Some("tag") => Some(Action::Allow(Some(AllowScope::Tag(self.string(argument, form)?)))),
            Some(_) | None => self.wrong(argument.span, form),
        }
    }
}

fn integer(pair: &Pair<'_, Rule>) -> Option<u64> {
    (pair.as_rule() == Rule::integer && pair.as_str().len() <= 15).then(|| pair.as_str().parse().ok()).flatten()
}

/// Names in backticks, for a help line.
pub(super) fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// The start of a text, for a message.
pub(super) fn shorten(text: &str) -> String {
    let line = text.lines().next().unwrap_or("").trim_end();
    let mut short: String = line.chars().take(40).collect();
    if short.len() < text.trim_end().len() {
        short.push('…');
    }
    short
}
