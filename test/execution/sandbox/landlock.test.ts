import { describe, expect, it } from 'vitest';
import {
  grantedRights,
  type PathUse,
  pathAttribute,
  rulesetAttribute,
} from '../../../src/execution/sandbox/landlock.ts';

describe('Landlock rights', () => {
  it.each([
    [1, 'ff1f000000000000'],
    [2, 'ff3f000000000000'],
    [3, 'ff7f000000000000'],
    [4, 'ff7f0000000000000300000000000000'],
    [5, 'ffff0000000000000300000000000000'],
    [6, 'ffff00000000000003000000000000000300000000000000'],
    [7, 'ffff00000000000003000000000000000300000000000000'],
  ])('of ABI %i are all governed', (abi, hex) => {
    expect(rulesetAttribute(abi).toString('hex')).toBe(hex);
  });

  it('grant what a path is for, and nothing that the ABI does not know', () => {
    const rights = (use: PathUse, abi: number): string => grantedRights(use, abi).toString(16);
    expect(rights('read', 7)).toBe('4');
    expect(rights('run', 7)).toBe('5');
    expect(rights('readTree', 7)).toBe('c');
    expect(rights('runTree', 7)).toBe('d');
    expect(rights('device', 7)).toBe('4006');
    expect(rights('device', 2)).toBe('6');
    // everything but making character and block devices
    expect(rights('scratch', 7)).toBe('f7bf');
    expect(rights('scratch', 1)).toBe('17bf');
  });

  it('are written as the kernel reads them', () => {
    expect(pathAttribute(5n, 9).toString('hex')).toBe('050000000000000009000000');
  });
});
