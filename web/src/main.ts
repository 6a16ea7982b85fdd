import './theme.css';
import { city } from './city';
import { CityMap } from './citymap';
import { fetchGround } from './ground';
import { LiveLink } from './livelink';
const g = await fetchGround();
const box=document.body.appendChild(document.createElement('div')); box.style.cssText='position:fixed;inset:0';
(globalThis as any).m = new CityMap(box, g, city, 'Map');
new LiveLink(city).open();
