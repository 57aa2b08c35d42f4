import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  ACTION_IN_NAMESPACES,
  JOB_IN_NAMESPACES,
  type SeccompProfile,
  seccompFilter,
  supportedArch,
} from '../../../src/execution/sandbox/seccomp.ts';
import { type Arch, ATTRIBUTES, AUDIT_ARCH, NEVER } from '../../../src/execution/sandbox/syscalls.ts';

type Call = { number: number; args?: number[]; arch?: number };

const ALLOW = 0x7fff0000;
const KILL = 0x80000000;
const EPERM = 0x00050001;
const ENOSYS = 0x00050026;

/** A classic BPF machine for the six instructions that our filters use; anything else is an error. */
function decide(filter: Buffer, { number, args = [], arch = AUDIT_ARCH.x64 }: Call): number {
  const data = Buffer.alloc(64);
  data.writeUInt32LE(number >>> 0, 0);
  data.writeUInt32LE(arch, 4);
  for (const [index, value] of args.entries()) data.writeBigInt64LE(BigInt(value), 16 + index * 8);
  let loaded = 0;
  for (let at = 0; at < filter.length / 8; at++) {
    const [ifTrue, ifFalse] = [filter.readUInt8(at * 8 + 2), filter.readUInt8(at * 8 + 3)];
    const k = filter.readUInt32LE(at * 8 + 4);
    const jump = (condition: boolean): void => {
      at += condition ? ifTrue : ifFalse;
    };
    switch (filter.readUInt16LE(at * 8)) {
      case 0x20:
        loaded = data.readUInt32LE(k);
        break;
      case 0x54:
        loaded = (loaded & k) >>> 0;
        break;
      case 0x15:
        jump(loaded === k);
        break;
      case 0x35:
        jump(loaded >= k);
        break;
      case 0x45:
        jump((loaded & k) !== 0);
        break;
      case 0x06:
        return k;
      default:
        throw new Error('unknown instruction');
    }
  }
  throw new Error('ran off the end');
}

const LITE_ACTION: SeccompProfile = {
  processes: 'threads',
  sockets: 'none',
  signals: { onlyPid: 77 },
  newSessions: false,
  watching: false,
  attributes: false,
  uncountedMemory: false,
  truncation: false,
};
const action = seccompFilter(ACTION_IN_NAMESPACES, 'x64');
const job = seccompFilter(JOB_IN_NAMESPACES, 'x64');
const lite = seccompFilter(LITE_ACTION, 'x64');
const liteJob = seccompFilter(
  { ...LITE_ACTION, processes: 'fork', sockets: 'pairs', signals: 'none', uncountedMemory: true },
  'x64',
);

describe('a seccomp filter', () => {
  it('ends whoever calls under another architecture or the x32 names', () => {
    expect(decide(action, { number: 0, arch: AUDIT_ARCH.arm64 })).toBe(KILL);
    expect(decide(action, { number: 0x40000000 | 41 })).toBe(KILL);
  });

  it('knows no call that is newer than its table', () => {
    fc.assert(
      fc.property(fc.integer({ min: 470, max: 0x3fffffff }), (number) => {
        expect(decide(action, { number })).toBe(ENOSYS);
      }),
    );
  });

  it.each(Object.entries(NEVER))('refuses %s in every profile', (_name, [x64, arm64]) => {
    for (const profile of [ACTION_IN_NAMESPACES, JOB_IN_NAMESPACES, LITE_ACTION]) {
      for (const [number, arch] of [
        [x64, 'x64'],
        [arm64, 'arm64'],
      ] as [number | null, Arch][]) {
        if (number === null) continue;
        expect(decide(seccompFilter(profile, arch), { number, arch: AUDIT_ARCH[arch] })).toBe(EPERM);
      }
    }
  });

  it('lets reading, writing and becoming another program pass', () => {
    for (const number of [0, 1, 9, 59, 202, 257]) expect(decide(action, { number })).toBe(ALLOW);
  });

  it('lets an action start threads and no process', () => {
    const THREAD_FLAGS = 0x3d0f00;
    const SIGCHLD = 17;
    expect(decide(action, { number: 56, args: [THREAD_FLAGS] })).toBe(ALLOW);
    expect(decide(action, { number: 56, args: [SIGCHLD] })).toBe(EPERM);
    expect(decide(action, { number: 57 })).toBe(EPERM);
    expect(decide(action, { number: 58 })).toBe(EPERM);
    expect(decide(action, { number: 435 })).toBe(ENOSYS);
  });

  it('lets a job start processes and no namespace', () => {
    const NAMESPACES = [0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000];
    expect(decide(job, { number: 57 })).toBe(ALLOW);
    expect(decide(job, { number: 56, args: [17] })).toBe(ALLOW);
    for (const flag of NAMESPACES) expect(decide(job, { number: 56, args: [flag | 17] })).toBe(EPERM);
  });

  it('lets an action map only memory that its limit counts', () => {
    const [MMAP, SHARED, PRIVATE, VALIDATE, ANONYMOUS, GROWSDOWN, STACK] = [9, 1, 2, 3, 0x20, 0x100, 0x20000];
    const map = (filter: Buffer, flags: number) =>
      decide(filter, { number: MMAP, args: [0, 4096, 3, flags] });
    for (const filter of [action, lite]) {
      for (const flags of [PRIVATE | ANONYMOUS, PRIVATE | ANONYMOUS | STACK, PRIVATE, SHARED])
        expect(map(filter, flags)).toBe(ALLOW);
      for (const flags of [SHARED | ANONYMOUS, VALIDATE | ANONYMOUS, PRIVATE | ANONYMOUS | GROWSDOWN])
        expect(map(filter, flags)).toBe(EPERM);
    }
    for (const filter of [job, liteJob]) expect(map(filter, SHARED | ANONYMOUS)).toBe(ALLOW);
  });

  it('makes no process of ours out of one of a job', () => {
    const CLONE_PARENT = 0x8000;
    for (const filter of [action, job, lite, liteJob])
      expect(decide(filter, { number: 56, args: [CLONE_PARENT | 17] })).toBe(EPERM);
  });

  it('opens no socket of any family, and pairs of AF_UNIX streams for jobs only', () => {
    const STREAM = 1;
    fc.assert(
      fc.property(fc.nat(0xffff), fc.nat(0xffffff), (family, type) => {
        for (const filter of [action, job, lite]) {
          expect(decide(filter, { number: 41, args: [family] })).toBe(EPERM);
        }
        expect(decide(action, { number: 53, args: [family, type] })).toBe(EPERM);
        for (const filter of [job, liteJob])
          expect(decide(filter, { number: 53, args: [family, type] })).toBe(
            family === 1 && (type & 0xf) === STREAM ? ALLOW : EPERM,
          );
      }),
      {
        examples: [
          [1, STREAM],
          [1, 0o2004000 | STREAM],
          [1, 2],
          [1, 3],
          [1, 5],
        ],
      },
    );
  });

  it('points no socket at an address', () => {
    for (const filter of [action, job, lite, liteJob]) {
      for (const number of [42, 49]) expect(decide(filter, { number })).toBe(EPERM);
      expect(decide(filter, { number: 44, args: [3, 4096, 1, 0, 0, 0] })).toBe(ALLOW);
      for (const address of [4096, 2 ** 40])
        expect(decide(filter, { number: 44, args: [3, 4096, 1, 0, address, 16] })).toBe(EPERM);
    }
  });

  it('without a PID namespace signals nobody but itself', () => {
    for (const number of [62, 234]) {
      expect(decide(lite, { number, args: [77] })).toBe(ALLOW);
      for (const pid of [0, -1, -77, 1, 78]) expect(decide(lite, { number, args: [pid] })).toBe(EPERM);
    }
    for (const number of [200, 129, 297, 424]) expect(decide(lite, { number, args: [77] })).toBe(EPERM);
  });

  it('without a PID namespace has the kernel signal nobody either', () => {
    const [FCNTL, IOCTL] = [72, 16];
    const [F_GETFD, F_SETFL, F_SETOWN, F_GETOWN, F_SETSIG, F_SETOWN_EX] = [1, 4, 8, 9, 10, 15];
    const [FIOSETOWN, SIOCSPGRP, FIONREAD] = [0x8901, 0x8902, 0x541b];
    // The kernel reads no more of a command than its low half.
    const wide = (command: number): number => command + 2 ** 32;
    for (const filter of [lite, liteJob]) {
      for (const command of [F_SETOWN, F_SETSIG, F_SETOWN_EX, wide(F_SETOWN), wide(F_SETOWN_EX)])
        expect(decide(filter, { number: FCNTL, args: [0, command, 1] })).toBe(EPERM);
      for (const command of [FIOSETOWN, SIOCSPGRP, wide(FIOSETOWN), wide(SIOCSPGRP)])
        expect(decide(filter, { number: IOCTL, args: [0, command] })).toBe(EPERM);
      for (const command of [F_GETFD, F_SETFL, F_GETOWN])
        expect(decide(filter, { number: FCNTL, args: [0, command] })).toBe(ALLOW);
      expect(decide(filter, { number: IOCTL, args: [0, FIONREAD] })).toBe(ALLOW);
    }
    expect(decide(job, { number: FCNTL, args: [0, F_SETOWN, 1] })).toBe(ALLOW);
  });

  it('without namespaces watches no folder, and ends with us', () => {
    const [PRCTL, PR_SET_PDEATHSIG, PR_SET_NAME, SIGKILL] = [157, 1, 15, 9];
    for (const filter of [lite, liteJob]) {
      for (const number of [253, 254, 294]) expect(decide(filter, { number })).toBe(EPERM);
      for (const signal of [0, 28])
        expect(decide(filter, { number: PRCTL, args: [PR_SET_PDEATHSIG, signal] })).toBe(EPERM);
      expect(decide(filter, { number: PRCTL, args: [PR_SET_PDEATHSIG, SIGKILL] })).toBe(ALLOW);
      expect(decide(filter, { number: PRCTL, args: [PR_SET_NAME, 0] })).toBe(ALLOW);
    }
  });

  it('changes no limits of others, and types into no terminal', () => {
    expect(decide(action, { number: 302, args: [0] })).toBe(ALLOW);
    expect(decide(action, { number: 302, args: [1] })).toBe(EPERM);
    expect(decide(job, { number: 16, args: [0, 0x5412] })).toBe(EPERM);
    expect(decide(job, { number: 16, args: [0, 0x541c] })).toBe(EPERM);
    expect(decide(job, { number: 16, args: [0, 0x5401] })).toBe(ALLOW);
  });

  it('without a mount namespace leaves attributes, sessions and, if Landlock is old, lengths alone', () => {
    for (const [number] of Object.values(ATTRIBUTES)) expect(decide(lite, { number })).toBe(EPERM);
    for (const number of [112, 109, 76, 85]) expect(decide(lite, { number })).toBe(EPERM);
    expect(decide(lite, { number: 257, args: [0, 0, 0o1000] })).toBe(EPERM);
    expect(decide(lite, { number: 257, args: [0, 0, 0] })).toBe(ALLOW);
    expect(decide(lite, { number: 437 })).toBe(ENOSYS);
  });

  it('is not made up for an architecture without a table', () => {
    expect(() => supportedArch('riscv64')).toThrow(RangeError);
  });
});
