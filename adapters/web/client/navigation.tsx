/** Our own small router: the History API, links that are links, and one place that knows the path. */
import { type AnchorHTMLAttributes, type MouseEvent, useSyncExternalStore } from 'react';

const MOVED = 'countersign:moved';

function subscribe(listener: () => void): () => void {
  addEventListener('popstate', listener);
  addEventListener(MOVED, listener);
  return () => {
    removeEventListener('popstate', listener);
    removeEventListener(MOVED, listener);
  };
}

export const usePath = (): string => useSyncExternalStore(subscribe, () => location.pathname);

export function go(path: string): void {
  if (path !== location.pathname) history.pushState(null, '', path);
  dispatchEvent(new Event(MOVED));
}

type Props = AnchorHTMLAttributes<HTMLAnchorElement> & { to: string };

/** A link within the workspace; a click with a modifier opens it as any link. */
export function Link({ to, onClick, children, ...rest }: Props) {
  const follow = (event: MouseEvent<HTMLAnchorElement>) => {
    onClick?.(event);
    const isPlain =
      event.button === 0 && !event.metaKey && !event.ctrlKey && !event.shiftKey && !event.altKey;
    if (!isPlain || event.defaultPrevented) return;
    event.preventDefault();
    go(to);
  };
  return (
    <a href={to} onClick={follow} {...rest}>
      {children}
    </a>
  );
}

/** An address that came from outside, as a path of ours, a web page, or nothing that may be followed. */
export function safeLink(address: string): { kind: 'inside' | 'outside'; to: string } | null {
  if (!URL.canParse(address, location.origin)) return null;
  const url = new URL(address, location.origin);
  if (url.origin === location.origin) return { kind: 'inside', to: url.pathname };
  return url.protocol === 'https:' || url.protocol === 'http:' ? { kind: 'outside', to: url.href } : null;
}
