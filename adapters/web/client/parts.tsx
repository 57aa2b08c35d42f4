/** Small pieces that every page uses. */
import { Loader } from '@mantine/core';
import { type ComponentProps, type ReactNode, useState } from 'react';
import { legible } from '../../../src/surface/unseen.ts';
import { useNow } from './clock.ts';
import { ShieldIcon, WarningIcon } from './icons.tsx';
import { Link, safeLink } from './navigation.tsx';
import { fullTime, type Room, relativeTime, shortened, type Tone } from './words.ts';

export function Chip({ tone, live, children }: { tone: Tone; live?: boolean; children: ReactNode }) {
  return <span className={`chip chip-${tone}${live ? ' chip-live' : ''}`}>{children}</span>;
}

/** "3 minutes ago"; the exact time on demand. */
export function Ago({ at }: { at: string }) {
  const now = useNow();
  return (
    <time dateTime={at} title={fullTime(at)}>
      {relativeTime(at, now)}
    </time>
  );
}

/**
 * A value as it is, as text: every character visible, its direction kept to itself, a long one collapsed with its
 * size and opened by a tap. Nothing is dropped.
 */
export function Value({ text, mono = false, room }: { text: string; mono?: boolean; room?: Room }) {
  const [isOpen, setOpen] = useState(false);
  const shown = legible(text);
  const short = shortened(shown, room);
  const className = mono ? 'value mono' : 'value';
  if (text === '') return <span className="value muted">empty</span>;
  if (short === null) return <bdi className={className}>{shown}</bdi>;
  return (
    <>
      <bdi className={className}>{isOpen ? shown : `${short.start}…`}</bdi>
      <button type="button" className="link-button" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        {isOpen ? 'Show less' : `Show all (${short.size})`}
      </button>
    </>
  );
}

/** A link that came from outside the page. What may not be followed is shown as text. */
export function OutLink({ address, children }: { address: string; children: ReactNode }) {
  const link = safeLink(address);
  if (link === null) return <Value text={address} mono />;
  if (link.kind === 'inside') return <Link to={link.to}>{children}</Link>;
  return (
    <a href={link.to} target="_blank" rel="noreferrer noopener">
      {children}
    </a>
  );
}

export function Avatar({ initials, tone }: { initials: string; tone: number }) {
  return (
    <span className={`avatar avatar-${tone % 5}`} aria-hidden="true">
      {initials}
    </span>
  );
}

export function Problem({ text, retry }: { text: string; retry?: () => void }) {
  return (
    <div className="problem" role="alert">
      <WarningIcon size={18} />
      <span>{text}</span>
      {retry && (
        <button type="button" className="link-button" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

export function Verified({ size }: { size?: number }) {
  return (
    <span className="verified">
      <ShieldIcon size={16} /> verified{size === undefined ? '' : ` · ${size.toLocaleString('en')} entries`}
    </span>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <h2>{title}</h2>
      {children && <p>{children}</p>}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <div className="loading" role="status">
      <Loader size="sm" aria-hidden="true" />
      <span>Loading {what}…</span>
    </div>
  );
}

/** The part of the page that scrolls. By keyboard it is reached only when it takes the focus itself. */
export function Scroll({ label, ...rest }: { label: string } & ComponentProps<'section'>) {
  // biome-ignore lint/a11y/noNoninteractiveTabindex: see above
  return <section className="scroll" aria-label={label} tabIndex={0} {...rest} />;
}

/** A page: its heading, one sentence about it, its content in a readable column. */
export function Page({
  title,
  lead,
  wide,
  aside,
  children,
}: {
  title: string;
  lead?: ReactNode;
  wide?: boolean;
  aside?: ReactNode;
  children: ReactNode;
}) {
  return (
    <Scroll label={title}>
      <div className={wide ? 'column column-wide' : 'column'}>
        <div className="page-head">
          <div>
            <h1>{title}</h1>
            {lead && <p className="muted">{lead}</p>}
          </div>
          {aside}
        </div>
        {children}
      </div>
    </Scroll>
  );
}
