/** Where the reader is on the page, kept in the address so that it can be shared and gone back from. */

export type Place =
  | { view: 'overview' }
  | { view: 'records'; id: string }
  | { view: 'junction'; id: string }
  | { view: 'measures'; id: string }
  | { view: 'report' }
  | { view: 'control' };

export function here(): Place {
  const [view, ...rest] = location.hash.slice(1).split('/');
  const id = decode(rest.join('/'));
  if (view === 'records' && /^[a-z_]+$/.test(id)) return { view, id };
  if ((view === 'junction' || view === 'measures') && id) return { view, id };
  if (view === 'control' || view === 'report') return { view };
  return { view: 'overview' };
}

export function go(place: Place): void {
  const id = 'id' in place ? `/${encodeURIComponent(place.id)}` : '';
  location.hash = place.view === 'overview' ? '' : `${place.view}${id}`;
}

export function onPlace(call: () => void): () => void {
  addEventListener('hashchange', call);
  return () => removeEventListener('hashchange', call);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return '';
  }
}
