import type { Card } from '../../../../src/model/card.ts';
import { legible } from '../../../../src/surface/unseen.ts';
import { Value } from '../parts.tsx';
import { isMachineText, ORIGINS } from '../words.ts';

/** Every argument with its origin: the approver sees which words nobody said in person. */
export function Arguments({ list }: { list: Card['arguments'] }) {
  if (list.length === 0) return null;
  return (
    <dl className="pairs pairs-asked">
      {list.map(({ name, value, provenance }) => (
        <div key={name} className="pair">
          <dt>{legible(name)}</dt>
          <dd>
            <span className="asked-value">
              <Value text={value} mono={isMachineText(name, value)} />
            </span>
            <span className={`origin origin-${ORIGINS[provenance].tone}`}>{ORIGINS[provenance].word}</span>
          </dd>
        </div>
      ))}
    </dl>
  );
}
