//! Tests of the input gate.

use super::*;

fn gate(channels: usize) -> InputGate {
    let sources: Vec<ChannelSource> = (0..channels).map(|sender| ChannelSource { input: 0, sender }).collect();
    InputGate::new(&sources, true)
}

#[track_caller]
fn check(channels: usize, steps: &[(usize, Signal)], expected: &[Signal]) {
    let mut gate = gate(channels);
    for (channel, signal) in steps {
        gate.put(*channel, Payload::Signal(signal.clone()));
    }
    let mut produced = Vec::new();
    while let Some(Work::Signal(signal)) = gate.next(|| Timestamp::MIN) {
        produced.push(signal);
    }
    assert_eq!(produced, expected);
}

fn watermark(millis: i64) -> Signal {
    Signal::Watermark(Timestamp::from_millis(millis))
}

#[test]
fn the_slowest_channel_holds_the_watermark() {
    check(
        2,
        &[(0, watermark(5)), (1, watermark(3)), (0, watermark(9)), (1, watermark(7))],
        &[watermark(3), watermark(7)],
    );
}

#[test]
fn an_idle_channel_is_left_out_and_does_not_move_time_back_when_it_returns() {
    check(
        2,
        &[(0, watermark(5)), (1, Signal::Idle), (1, watermark(3)), (1, watermark(8)), (0, watermark(9))],
        &[watermark(5), watermark(8)],
    );
}

#[test]
fn all_idle_is_idle_and_any_active_is_active() {
    check(2, &[(0, Signal::Idle), (1, Signal::Idle), (0, watermark(4))], &[Signal::Idle, Signal::Active, watermark(4)]);
}

#[test]
fn without_channels_the_end_comes_at_once() {
    check(0, &[], &[Signal::Watermark(Timestamp::MAX), Signal::End]);
}

#[test]
fn an_ended_channel_holds_nobody_back() {
    check(2, &[(0, Signal::End), (1, watermark(4)), (1, Signal::End)], &[watermark(4), Signal::End]);
}
