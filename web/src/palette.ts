/** Colours of the map and of what is drawn over it. Grey, but for lamps and for what is abnormal. */

export interface Palette {
  land: string;
  ground: string;
  casing: string;
  road: string;
  path: string;
  divider: string;
  label: string;
  halo: string;
  slow: string;
  verySlow: string;
  /** By `Look`: moving, standing, heavy, bus, bike, emergency. */
  vehicles: readonly string[];
  glass: string;
  red: string;
  amber: string;
  green: string;
  housing: string;
  unlit: string;
  junction: string;
  abnormal: string;
  selected: string;
}

const LIGHT: Palette = {
  land: '#e8ebee',
  ground: '#ffffff',
  casing: '#c5cbd2',
  road: '#ffffff',
  path: '#f1f3f4',
  divider: '#d9dde2',
  label: '#59626c',
  halo: '#f6f7f8',
  slow: '#d98b1f',
  verySlow: '#c4320a',
  vehicles: ['#66717d', '#23292f', '#3d4650', '#1f4f8f', '#66717d', '#c4320a'],
  glass: 'rgba(255,255,255,0.55)',
  red: '#d92d20',
  amber: '#d98200',
  green: '#0e8a45',
  housing: '#20262c',
  unlit: '#525b65',
  junction: '#8a939d',
  abnormal: '#b54708',
  selected: '#16191d',
};

const DARK: Palette = {
  land: '#0f1215',
  ground: '#2a3037',
  casing: '#14181c',
  road: '#2a3037',
  path: '#20252b',
  divider: '#3d454e',
  label: '#a3acb6',
  halo: '#14181c',
  slow: '#e2a03f',
  verySlow: '#f9704e',
  vehicles: ['#8f9aa6', '#e4e8ec', '#b9c2cb', '#8db8f0', '#8f9aa6', '#f9704e'],
  glass: 'rgba(0,0,0,0.5)',
  red: '#f4553f',
  amber: '#f0a92e',
  green: '#2fbf71',
  housing: '#05070a',
  unlit: '#3a424b',
  junction: '#7a848f',
  abnormal: '#f5a524',
  selected: '#f2f4f6',
};

const scheme = matchMedia('(prefers-color-scheme: dark)');

export function palette(): Palette {
  return scheme.matches ? DARK : LIGHT;
}

/** Calls when the reader's colour scheme changes, until what it returns is called. */
export function onScheme(call: () => void): () => void {
  scheme.addEventListener('change', call);
  return () => scheme.removeEventListener('change', call);
}
