//! The loss curve as an SVG: each step's loss, its running mean, and the held-out loss.

use std::fmt::Write as _;

const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 320.0;
const LEFT: f64 = 56.0;
const RIGHT: f64 = 16.0;
const TOP: f64 = 28.0;
const BOTTOM: f64 = 44.0;

/// `losses` and `held_out` are (step, loss).
pub(super) fn svg(losses: &[(usize, f64)], held_out: &[(usize, f64)]) -> String {
    let points = || losses.iter().chain(held_out);
    let last = points().map(|(step, _)| *step).max().unwrap_or(1).max(1);
    let top = nice(points().map(|(_, loss)| *loss).fold(0.0, f64::max));
    let x = |step: f64| LEFT + (WIDTH - LEFT - RIGHT) * step / last as f64;
    let y = |loss: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * loss / top;
    let line = |points: &[(usize, f64)]| {
        let points = points.iter().map(|(step, loss)| format!("{:.1},{:.1}", x(*step as f64), y(*loss)));
        points.collect::<Vec<_>>().join(" ")
    };

    let mut svg = String::new();
    // Writing to a String cannot fail.
    let _ = writeln!(
        svg,
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" font-size="12" role="img">
<title>Loss by step</title>
<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>"##
    );
    for tick in 0..=4 {
        let share = f64::from(tick) / 4.0;
        let (loss, step) = (top * share, last as f64 * share);
        let _ = writeln!(
            svg,
            r##"<path d="M{LEFT} {y:.1}H{end}" stroke="#ddd"/><text x="{label}" y="{below:.1}" text-anchor="end">{loss}</text>
<text x="{x:.1}" y="{foot}" text-anchor="middle">{step:.0}</text>"##,
            y = y(loss),
            end = WIDTH - RIGHT,
            label = LEFT - 8.0,
            below = y(loss) + 4.0,
            loss = short(loss),
            x = x(step),
            foot = HEIGHT - BOTTOM + 18.0,
        );
    }
    let _ = writeln!(
        svg,
        r##"<text x="{:.1}" y="{}" text-anchor="middle">step</text>
<polyline points="{}" fill="none" stroke="#9bb8e8"/>
<polyline points="{}" fill="none" stroke="#1a4fa3" stroke-width="2"/>
<text x="{LEFT}" y="16" fill="#1a4fa3">training loss, and its mean over the last {MEAN_OVER} steps</text>"##,
        x(last as f64 / 2.0),
        HEIGHT - 8.0,
        line(losses),
        line(&running_mean(losses)),
    );
    if !held_out.is_empty() {
        let _ =
            writeln!(svg, r##"<polyline points="{}" fill="none" stroke="#b34700" stroke-width="2"/>"##, line(held_out));
        for (step, loss) in held_out {
            let _ =
                writeln!(svg, r##"<circle cx="{:.1}" cy="{:.1}" r="4" fill="#b34700"/>"##, x(*step as f64), y(*loss));
        }
        let _ = writeln!(
            svg,
            r##"<text x="{}" y="16" text-anchor="end" fill="#b34700">held-out loss</text>"##,
            WIDTH - RIGHT
        );
    }
    svg.push_str("</svg>\n");
    svg
}

const MEAN_OVER: usize = 5;

fn running_mean(losses: &[(usize, f64)]) -> Vec<(usize, f64)> {
    let mut means = Vec::with_capacity(losses.len());
    for end in 1..=losses.len() {
        let window = losses.get(end.saturating_sub(MEAN_OVER)..end).unwrap_or_default();
        let sum: f64 = window.iter().map(|(_, loss)| loss).sum();
        means.extend(window.last().map(|(step, _)| (*step, sum / window.len() as f64)));
    }
    means
}

/// The next 1, 2, 4 or 8 times a power of ten.
fn nice(value: f64) -> f64 {
    if value.is_nan() || value <= 0.0 {
        return 1.0;
    }
    let power = 10_f64.powf(value.log10().floor());
    [1.0, 2.0, 4.0, 8.0].into_iter().map(|factor| factor * power).find(|top| *top >= value).unwrap_or(10.0 * power)
}

fn short(value: f64) -> String {
    let text = format!("{value:.3}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_axis_ends_above_the_largest_loss() {
        assert_eq!([0.0, 0.3, 0.4, 0.41, 0.9, 5.0].map(nice), [1.0, 0.4, 0.4, 0.8, 1.0, 8.0]);
        assert_eq!([0.0, 0.25, 0.5, 1.0].map(short), ["0", "0.25", "0.5", "1"]);
    }

    #[test]
    fn lines_go_through_their_points() {
        let drawn = svg(&[(1, 0.8), (2, 0.4)], &[(0, 0.8), (2, 0.2)]);
        // x from 56 to 624 over two steps, y from 276 up to 28 at 0.8.
        assert!(drawn.contains("points=\"340.0,28.0 624.0,152.0\""), "{drawn}");
        assert!(drawn.contains("points=\"340.0,28.0 624.0,90.0\""), "the running mean: {drawn}");
        assert!(drawn.contains("points=\"56.0,28.0 624.0,214.0\""), "held out: {drawn}");
    }

    #[test]
    fn an_empty_run_is_still_a_picture() {
        assert!(svg(&[], &[]).ends_with("</svg>\n"));
    }
}
