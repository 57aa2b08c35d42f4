import { describe, expect, test } from 'vitest';
import { createAdmission } from '../../src/intake/admission.ts';

/** Work that ends when it is told to. */
function pending() {
  const { promise, resolve } = Promise.withResolvers<string>();
  return { work: () => promise, end: () => resolve('stored') };
}

describe('what arrives', () => {
  test('is taken in as long as the oldest that is under way is not late', async () => {
    let nowMs = 0;
    const { admit } = createAdmission(() => nowMs);
    const slow = pending();
    const first = admit(slow.work);
    nowMs = 2_000;
    expect(await admit(async () => 'stored')).toBe('stored');
    nowMs = 2_001;
    let began = false;
    const refused = admit(async () => {
      began = true;
    });
    await expect(refused).rejects.toMatchObject({ code: 'overloaded', status: 503 });
    expect(began).toBe(false);
    slow.end();
    expect(await first).toBe('stored');
    expect(await admit(async () => 'again')).toBe('again');
  });

  test('is refused once as many are under way as may be', async () => {
    const { admit } = createAdmission(() => 0);
    const all = pending();
    const taken = Array.from({ length: 500 }, () => admit(all.work));
    await expect(admit(all.work)).rejects.toMatchObject({ code: 'overloaded' });
    all.end();
    expect(await Promise.all(taken)).toHaveLength(500);
  });

  test('counts as over when it fails', async () => {
    const { admit, giveWay } = createAdmission(() => 0);
    await expect(admit(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    await giveWay();
  });
});

describe('whoever gives way', () => {
  test('goes on at once where nothing is under way', async () => {
    await createAdmission(() => 0).giveWay();
  });

  test('waits until the last that is under way is over', async () => {
    const { admit, giveWay } = createAdmission(() => 0);
    const order: string[] = [];
    const two = [pending(), pending()];
    const taken = two.map(({ work }, nth) => admit(work).then(() => order.push(`stored ${nth}`)));
    const waiting = [giveWay(), giveWay()].map((it) => it.then(() => order.push('work')));
    for (const { end } of two) end();
    await Promise.all([...taken, ...waiting]);
    expect(order).toEqual(['stored 0', 'stored 1', 'work', 'work']);
  });

  test('does not wait for ever', async () => {
    const { admit, giveWay } = createAdmission(() => 0);
    const never = pending();
    const taken = admit(never.work);
    await giveWay();
    never.end();
    await taken;
  });
});
