/** What a page looks like to somebody with little room: what is cut off. */
import type { Page } from 'playwright-core';

/** Everything whose text does not fit its box and is not shortened on purpose, with dots or a link to all of it. */
export const cutOffIn = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const isShortened = (style: CSSStyleDeclaration) =>
      style.textOverflow === 'ellipsis' || style.webkitLineClamp !== 'none';
    return [...document.querySelectorAll<HTMLElement>('body *')].flatMap((box) => {
      const style = getComputedStyle(box);
      const isHiding = (overflow: string) => overflow === 'hidden' || overflow === 'clip';
      const isCut =
        (isHiding(style.overflowX) && box.scrollWidth > box.clientWidth + 1) ||
        (isHiding(style.overflowY) && box.scrollHeight > box.clientHeight + 1);
      // What only a screen reader is meant to find is one pixel wide.
      const isSeen = box.clientWidth > 1 && box.textContent.trim() !== '';
      return isCut && isSeen && !isShortened(style)
        ? [`${box.tagName}.${box.className}: ${box.textContent.slice(0, 60)}`]
        : [];
    });
  });
