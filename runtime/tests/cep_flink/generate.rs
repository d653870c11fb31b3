//! Random cases, weighted towards the corners: few kinds of events, loops beside loops, equal times, late events.

use fastrand::Rng;

use crate::case::{Case, Condition, Input, Link, Modifier, Skip, Step};

const KINDS: [&str; 4] = ["a", "b", "c", "d"];
/// The case of a seed.
pub(crate) fn case(seed: u64) -> Case {
    let mut random = Rng::with_seed(seed);
    let kinds = random.usize(2..=4);
    let mut making = Making { kinds, named: 0, random };
    let pattern = making.pattern();
    // A stage within a group cannot be skipped to.
    let named: Vec<String> = pattern.iter().filter_map(|step| step.name.clone()).collect();
    let skip = making.skip(&named);
    let by_value = making.one_in(15);
    let processing_time = making.one_in(25);
    let mut script = Vec::new();
    kinds_of(&pattern, &mut script);
    let input = making.input(&script, processing_time);
    Case { pattern, skip, by_value, processing_time, input, flink: None }
}

struct Making {
    random: Rng,
    kinds: usize,
    /// How many stages have a name.
    named: usize,
}

impl Making {
    fn one_in(&mut self, n: u32) -> bool {
        self.random.u32(0..n) == 0
    }

    fn pattern(&mut self) -> Vec<Step> {
        let length = [1, 2, 2, 3, 3, 3, 4, 4][self.random.usize(0..8)];
        let mut steps = self.sequence(length, 0);
        let ends_with_not = steps.last().is_some_and(|last| last.link == Link::NotFollowedBy);
        if self.one_in(3) || (ends_with_not && !self.one_in(20)) {
            let at = if self.one_in(4) { self.random.usize(0..steps.len()) } else { steps.len() - 1 };
            let each = self.one_in(if ends_with_not { 3 } else { 8 });
            let millis = self.random.i64(2..15);
            steps[at].with.push(if each { Modifier::WithinEach(millis) } else { Modifier::Within(millis) });
        }
        steps
    }

    fn sequence(&mut self, length: usize, depth: usize) -> Vec<Step> {
        let mut steps: Vec<Step> = Vec::new();
        for i in 0..length {
            let link = if i == 0 { Link::Begin } else { self.link(depth == 0 && i + 1 == length) };
            let negative = link.is_negative();
            if negative && !self.one_in(30) {
                // Flink refuses what may be left out before what must not come.
                steps[i - 1].with.retain(|modifier| *modifier != Modifier::Optional);
            }
            let group = !negative && depth < 2 && self.named < 8 && self.one_in(if depth == 0 { 6 } else { 10 });
            let mut step = if group { self.group(link, depth) } else { self.stage(link, depth) };
            if steps.last().is_some_and(|last| last.with.contains(&Modifier::Greedy)) && !self.one_in(30) {
                // Likewise, after a greedy loop.
                step.with.retain(|modifier| *modifier != Modifier::Optional);
            }
            steps.push(step);
        }
        steps
    }

    fn link(&mut self, last: bool) -> Link {
        match self.random.u32(0..100) {
            0..25 => Link::Next,
            25..57 => Link::FollowedBy,
            57..78 => Link::FollowedByAny,
            78..86 => Link::NotNext,
            86.. if last && self.one_in(3) => Link::FollowedBy,
            86.. => Link::NotFollowedBy,
        }
    }

    fn group(&mut self, link: Link, depth: usize) -> Step {
        let length = self.random.usize(1..=3);
        let inner = self.sequence(length, depth + 1);
        let mut with = self.quantifier(true);
        let loops = |modifier: &Modifier| matches!(modifier, Modifier::OneOrMore | Modifier::TimesOrMore(_));
        if inner.iter().all(may_be_left_out) && with.iter().any(loops) {
            // Flink never comes to an end with a loop whose round may be empty.
            with.clear();
        }
        Step { link, name: None, group: Some(inner), with }
    }

    fn stage(&mut self, link: Link, depth: usize) -> Step {
        let name = stage_name(self.named);
        self.named += 1;
        let mut with = Vec::new();
        if depth > 0 || !self.one_in(12) {
            with.push(Modifier::Where(self.simple()));
        }
        if self.one_in(6) {
            let condition = self.iterative();
            with.push(Modifier::Where(condition));
        }
        if self.one_in(15) {
            with.push(Modifier::Or(self.simple()));
        }
        if !link.is_negative() || self.one_in(60) {
            with.extend(self.quantifier(false));
        }
        if self.one_in(20) {
            let millis = self.random.i64(2..12);
            with.push(Modifier::WithinEach(millis));
        }
        Step { link, name: Some(name), group: None, with }
    }

    fn quantifier(&mut self, group: bool) -> Vec<Modifier> {
        let mut with = Vec::new();
        let quantified = self.random.u32(0..100);
        match quantified {
            0..45 => {}
            45..56 => with.push(Modifier::Times(self.random.u32(1..=3))),
            56..70 => {
                let from = self.random.u32(0..=2);
                with.push(Modifier::TimesRange(from, self.random.u32(from.max(1)..=3)));
            }
            70..80 => with.push(Modifier::TimesOrMore(self.random.u32(1..=3))),
            80.. => with.push(Modifier::OneOrMore),
        }
        let left_out = matches!(with.first(), Some(Modifier::TimesRange(0, _)));
        if quantified >= 45 {
            if self.one_in(12) {
                with.push(Modifier::RepeatsWithin(self.random.i64(1..5)));
            }
            if quantified >= 70 && self.one_in(4) {
                let until = if self.one_in(5) { self.iterative() } else { self.simple() };
                with.push(Modifier::Until(until));
            }
            match self.random.u32(0..100) {
                0..17 => with.push(Modifier::Consecutive),
                17..34 => with.push(Modifier::AllowCombinations),
                _ => {}
            }
            let combined = with.contains(&Modifier::AllowCombinations);
            if self.one_in(4) && ((!group && !combined) || self.one_in(20)) {
                with.push(Modifier::Greedy);
            }
        }
        if self.one_in(if quantified < 45 { 6 } else { 3 }) && (!left_out || self.one_in(20)) {
            with.push(Modifier::Optional);
        }
        with
    }

    fn simple(&mut self) -> Condition {
        match self.random.u32(0..100) {
            0..78 => Condition::Kind(KINDS[self.random.usize(0..self.kinds)].to_owned()),
            78..92 => Condition::Above(self.random.i64(0..4)),
            _ => Condition::Any,
        }
    }

    /// About the stage named last, or one before it.
    fn iterative(&mut self) -> Condition {
        let back = if self.one_in(4) { self.random.usize(0..self.named.max(1)) } else { 0 };
        let stage = stage_name(self.named.saturating_sub(1 + back));
        if self.random.bool() { Condition::Rises(stage) } else { Condition::Sum(stage, self.random.i64(2..12)) }
    }

    fn skip(&mut self, named: &[String]) -> Option<Skip> {
        let stage = |making: &mut Self| {
            let unknown = making.one_in(40);
            if unknown { "nowhere".to_owned() } else { named[making.random.usize(0..named.len())].clone() }
        };
        let choices = if named.is_empty() { 72 } else { 100 };
        match self.random.u32(0..choices) {
            0..45 => None,
            45..58 => Some(Skip::Next),
            58..72 => Some(Skip::PastLast),
            72..86 => Some(Skip::First(stage(self), self.one_in(6))),
            86.. => Some(Skip::Last(stage(self), self.one_in(6))),
        }
    }

    /// Events that often go through the pattern's kinds in order.
    fn input(&mut self, script: &[String], processing_time: bool) -> Vec<Input> {
        let keys = if self.one_in(5) { 2 } else { 1 };
        let shuffled = !processing_time && self.one_in(3);
        let mut input = Vec::new();
        let mut at = 0;
        let (mut now, mut highest, mut watermark) = (10, 0, 0);
        for _ in 0..self.random.usize(3..=12) {
            now += match self.random.u32(0..20) {
                0..5 => 0,
                5..15 => 1,
                15..18 => 2,
                _ => self.random.i64(3..10),
            };
            let time = if shuffled && self.one_in(3) { (now - self.random.i64(0..5)).max(1) } else { now };
            highest = highest.max(time);
            let kind = match script.get(at) {
                Some(kind) if self.random.u32(0..10) < 6 => {
                    at = (at + self.random.usize(0..2)) % script.len();
                    kind.clone()
                }
                _ => KINDS[self.random.usize(0..self.kinds)].to_owned(),
            };
            input.push(Input::Event(kind, self.random.i64(0..6), time, self.random.u32(0..keys)));
            if self.one_in(4) {
                // The clock never goes back, and neither do watermarks.
                let behind = if processing_time { 0 } else { self.random.i64(0..4) };
                watermark = watermark.max(highest - behind);
                input.push(Input::Watermark(watermark));
            }
        }
        if self.one_in(2) {
            // Long after all windows, another event of each key.
            now += 100;
            for key in 0..keys {
                input.push(Input::Event("z".to_owned(), 0, now, key));
            }
        }
        if processing_time {
            // Event time goes to its end by itself.
            input.push(Input::Watermark(now + 100));
        }
        input
    }
}

/// `p`, `q` and so on, then `z1`, `z2`.
fn stage_name(number: usize) -> String {
    match "pqrstuvwxy".chars().nth(number) {
        Some(letter) => letter.to_string(),
        None => format!("z{}", number - 9),
    }
}

/// The kinds of events that the stages ask for, in their order.
fn kinds_of(steps: &[Step], kinds: &mut Vec<String>) {
    for step in steps.iter().filter(|step| !step.link.is_negative()) {
        kinds_of(step.group.as_deref().unwrap_or_default(), kinds);
        for modifier in &step.with {
            if let Modifier::Where(Condition::Kind(kind)) = modifier {
                kinds.push(kind.clone());
            }
        }
    }
}

fn may_be_left_out(step: &Step) -> bool {
    let optional = |modifier: &Modifier| matches!(modifier, Modifier::Optional | Modifier::TimesRange(0, _));
    let empty = step.group.as_ref().is_some_and(|group| group.iter().all(may_be_left_out));
    step.link.is_negative() || empty || step.with.iter().any(optional)
}
