/** Around every page: who you are at the top, where you can go at the side (on a phone at the bottom). */
import { ActionIcon, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import { type ReactNode, useEffect, useRef } from 'react';
import type { ThreadSummary } from '../../../../src/model/ports.ts';
import { legible } from '../../../../src/surface/unseen.ts';
import type { Person } from '../api.ts';
import { dropDrafts } from '../drafts.ts';
import {
  BellIcon,
  ChatIcon,
  DeskIcon,
  ListIcon,
  LogIcon,
  Logo,
  MoonIcon,
  PlusIcon,
  PulseIcon,
  SunIcon,
} from '../icons.tsx';
import { useWorkspace } from '../live.tsx';
import { Link } from '../navigation.tsx';
import { FirstContact, WhatIsRecorded } from './first-contact.tsx';
import { PersonMenu } from './person-menu.tsx';
import { SignedInMenu } from './signed-in-menu.tsx';

type Props = {
  path: string;
  me: Person;
  people: Person[];
  choose(id: string): void;
  waiting: number;
  threads: ThreadSummary[];
  desk: boolean;
  /** Otherwise it is local mode, where one chooses who one is. */
  isSignedIn: boolean;
  /** Whether one may link chat accounts of one's own. */
  links: boolean;
  children: ReactNode;
};

type Place = { to: string; word: string; short: string; icon: ReactNode; count?: number };

function placesOf(waiting: number, desk: boolean): Place[] {
  return [
    { to: '/', word: 'Conversation', short: 'Chat', icon: <ChatIcon /> },
    { to: '/waiting', word: 'Waiting for you', short: 'Waiting', icon: <BellIcon />, count: waiting },
    { to: '/mine', word: 'My requests', short: 'Mine', icon: <ListIcon /> },
    ...(desk ? [{ to: '/desk', word: 'Desk', short: 'Desk', icon: <DeskIcon /> }] : []),
    { to: '/audit', word: 'Audit log', short: 'Log', icon: <LogIcon /> },
    { to: '/operations', word: 'Operations', short: 'Status', icon: <PulseIcon /> },
  ];
}

const isAt = (path: string, to: string): boolean =>
  to === '/' ? path === '/' || path.startsWith('/threads') || path.startsWith('/new/') : path.startsWith(to);

export function Frame(props: Props) {
  const { path, me, people, choose, waiting, threads, desk, isSignedIn, links, children } = props;
  const { api, connected } = useWorkspace();
  // Where the session is over already, the page that is asked for anew leads to the sign-in.
  const signOut = () => {
    dropDrafts(null);
    return api.signOut().then(
      (next) => location.assign(next),
      () => location.reload(),
    );
  };
  const main = useRef<HTMLElement>(null);
  const isFirst = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: another page takes the focus, as a new document would
  useEffect(() => {
    if (!isFirst.current) main.current?.focus({ preventScroll: true });
    isFirst.current = false;
  }, [path]);
  return (
    <div className="frame">
      <a href="#main" className="skip">
        Skip to content
      </a>
      <header className="top">
        <Link to="/" className="brand" aria-label="Countersign, start page">
          <Logo />
          <span>Countersign</span>
        </Link>
        <div className="top-right">
          {!connected && (
            <span className="offline" role="status">
              Connecting…
            </span>
          )}
          {isSignedIn ? (
            <SignedInMenu me={me} links={links} signOut={() => void signOut()} />
          ) : (
            <PersonMenu people={people} me={me} choose={choose} />
          )}
          <ThemeToggle />
        </div>
      </header>
      <nav className="places" aria-label="Workspace">
        <Link to="/" className="new-conversation desktop-only">
          <PlusIcon size={18} /> New conversation
        </Link>
        <ul>
          {placesOf(waiting, desk).map((place) => (
            <li key={place.to}>
              <PlaceLink place={place} isCurrent={isAt(path, place.to)} />
            </li>
          ))}
        </ul>
        <Recent threads={threads} path={path} />
        <span className="desktop-only">
          <WhatIsRecorded />
        </span>
      </nav>
      <main id="main" ref={main} tabIndex={-1}>
        <FirstContact />
        {children}
      </main>
    </div>
  );
}

function PlaceLink({ place, isCurrent }: { place: Place; isCurrent: boolean }) {
  const count = place.count ?? 0;
  return (
    <Link to={place.to} className="place" aria-current={isCurrent ? 'page' : undefined}>
      <span className="place-icon">
        {place.icon}
        {count > 0 && <span className="dot" aria-hidden="true" />}
      </span>
      <span className="desktop-only">{place.word}</span>
      <span className="phone-only">{place.short}</span>
      {count > 0 && (
        <span className="badge">
          {count.toLocaleString('en')}
          <span className="visually-hidden"> waiting</span>
        </span>
      )}
    </Link>
  );
}

function Recent({ threads, path }: { threads: ThreadSummary[]; path: string }) {
  if (threads.length === 0) return null;
  return (
    <section className="recent desktop-only" aria-labelledby="recent">
      <h2 id="recent">Recent</h2>
      <ul>
        {threads.map(({ id, title }) => (
          <li key={id}>
            <Link to={`/threads/${id}`} aria-current={path === `/threads/${id}` ? 'page' : undefined}>
              {legible(title) || 'Conversation'}
            </Link>
          </li>
        ))}
      </ul>
    </section>
  );
}

function ThemeToggle() {
  const { setColorScheme } = useMantineColorScheme();
  const current = useComputedColorScheme('light');
  const other = current === 'dark' ? 'light' : 'dark';
  return (
    <ActionIcon
      variant="subtle"
      color="gray"
      size="lg"
      aria-label={`Use the ${other} theme`}
      onClick={() => setColorScheme(other)}
    >
      {current === 'dark' ? <SunIcon /> : <MoonIcon />}
    </ActionIcon>
  );
}
