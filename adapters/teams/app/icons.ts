/**
 * The two icons that Teams wants, drawn here: a seal with a check mark, the countersignature. `color` is full and
 * 192 pixels wide, `outline` white lines on nothing, 32 wide.
 */
import { type Colour, png } from './png.ts';

const COLOR_SIZE = 192;
const OUTLINE_SIZE = 32;
/** Each pixel is looked at in so many places a side, for smooth edges. */
const SAMPLES = 4;
const INK: Colour = [26, 29, 33, 255];
const SEAL: Colour = [88, 196, 141, 255];
const WHITE: Colour = [255, 255, 255, 255];
const NOTHING: Colour = [255, 255, 255, 0];

type Point = readonly [x: number, y: number];
/** The check mark, in a square from 0 to 1. */
const CHECK: readonly [Point, Point, Point] = [
  [0.33, 0.51],
  [0.45, 0.63],
  [0.68, 0.38],
];

export function colorIcon(): Buffer {
  return draw(COLOR_SIZE, (at) => {
    if (nearCheck(at, 0.045)) return WHITE;
    const far = distance(at, [0.5, 0.5]);
    return far < 0.33 + scallop(at) ? SEAL : INK;
  });
}

export function outlineIcon(): Buffer {
  return draw(OUTLINE_SIZE, (at) => {
    const rim = Math.abs(distance(at, [0.5, 0.5]) - 0.42) < 0.04;
    return rim || nearCheck(at, 0.045) ? WHITE : NOTHING;
  });
}

/** The wavy rim of a seal. */
function scallop([x, y]: Point): number {
  const waves = 16;
  return 0.018 * Math.cos(waves * Math.atan2(y - 0.5, x - 0.5));
}

function nearCheck(at: Point, within: number): boolean {
  const [from, over, to] = CHECK;
  return Math.min(toSegment(at, from, over), toSegment(at, over, to)) < within;
}

function toSegment(at: Point, [ax, ay]: Point, [bx, by]: Point): number {
  const along = ((at[0] - ax) * (bx - ax) + (at[1] - ay) * (by - ay)) / ((bx - ax) ** 2 + (by - ay) ** 2);
  const clamped = Math.min(1, Math.max(0, along));
  return distance(at, [ax + clamped * (bx - ax), ay + clamped * (by - ay)]);
}

function distance([ax, ay]: Point, [bx, by]: Point): number {
  return Math.hypot(ax - bx, ay - by);
}

function draw(size: number, colourAt: (at: Point) => Colour): Buffer {
  return png(size, (x, y) => {
    const samples: Colour[] = [];
    for (let i = 0; i < SAMPLES * SAMPLES; i += 1) {
      const dx = ((i % SAMPLES) + 0.5) / SAMPLES;
      const dy = (Math.floor(i / SAMPLES) + 0.5) / SAMPLES;
      samples.push(colourAt([(x + dx) / size, (y + dy) / size]));
    }
    const mean = (channel: 0 | 1 | 2 | 3) =>
      Math.round(samples.reduce((sum, colour) => sum + colour[channel], 0) / samples.length);
    return [mean(0), mean(1), mean(2), mean(3)];
  });
}
