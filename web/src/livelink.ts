/** The live link: the WebSocket to the server, opened again whenever it breaks. */

import { type City, type Control, type Happening, type JunctionNow, type Refusal, type Score, type Seen } from './city';
import type { Slow, Switch } from './city';
import { decodeFrame } from './frame';

type Message =
  | {
      t: 'hello';
      city: string;
      zone: string;
      time: number | null;
      scores: Score[];
      slow: Slow[];
      control: Record<string, Control>;
      happenings: Happening[];
      refusals: Refusal[];
      switches: Switch[];
      seen: Seen[];
    }
  | { t: 'score'; scores: Score[] }
  | { t: 'slow'; slow: Slow[] }
  | { t: 'control'; control: Record<string, Control> }
  | { t: 'happening'; happenings: Happening[] }
  | { t: 'refusal'; refusals: Refusal[] }
  | { t: 'switch'; switches: Switch[] }
  | { t: 'junction'; junction: JunctionNow }
  | { t: 'seen'; time: number | null; seen: Seen[] };

const PAUSES_MS = [300, 1000, 2000, 5000];
/** The server says something each second; silence this long means that the link is dead. */
const SILENT_MS = 6000;

export class LiveLink {
  private socket: WebSocket | null = null;
  private failures = 0;
  private watched: string | null = null;
  private heardAt = 0;

  constructor(private readonly city: City) {}

  /** Open the link, and keep it open. */
  open(): void {
    this.connect();
    setInterval(() => this.check(), 2000);
  }

  /** Follow one junction closely; null for none. */
  watch(junction: string | null): void {
    this.watched = junction;
    if (junction === null) this.city.junction = null;
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify({ watch: junction }));
  }

  private connect(): void {
    const url = new URL('./ws/live', location.href);
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    url.hash = '';
    const socket = new WebSocket(url);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => this.watch(this.watched);
    socket.onmessage = (event: MessageEvent<string | ArrayBuffer>) => this.hear(event.data);
    socket.onclose = () => this.again();
    this.socket = socket;
    this.heardAt = performance.now();
  }

  private again(): void {
    this.city.link = 'lost';
    this.city.tell('link');
    const pause = PAUSES_MS[Math.min(this.failures++, PAUSES_MS.length - 1)];
    setTimeout(() => this.connect(), pause);
  }

  private check(): void {
    if (this.socket?.readyState === WebSocket.OPEN && performance.now() - this.heardAt > SILENT_MS) this.socket.close();
    this.city.tell('seen');
  }

  private hear(data: string | ArrayBuffer): void {
    this.heardAt = performance.now();
    if (typeof data !== 'string') {
      const frame = decodeFrame(data);
      if (frame) this.city.takeFrame(frame);
      return;
    }
    this.take(JSON.parse(data) as Message);
  }

  private take(message: Message): void {
    const { city } = this;
    switch (message.t) {
      case 'hello':
        this.begin(message);
        break;
      case 'score':
        city.takeScores(message.scores);
        break;
      case 'slow':
        city.slow = message.slow;
        city.tell('slow');
        break;
      case 'control':
        city.control = { ...city.control, ...message.control };
        city.tell('control');
        break;
      case 'happening':
        city.takeHappenings(message.happenings);
        break;
      case 'refusal':
        city.takeRefusals(message.refusals);
        break;
      case 'switch':
        city.takeSwitches(message.switches);
        break;
      case 'junction':
        if (message.junction.id !== this.watched) break;
        city.junction = message.junction;
        city.tell('junction');
        break;
      case 'seen':
        city.takeSeen(message.seen);
        break;
    }
  }

  private begin(hello: Extract<Message, { t: 'hello' }>): void {
    const { city } = this;
    this.failures = 0;
    city.name = hello.city;
    city.zone = hello.zone;
    city.timeMs ??= hello.time;
    city.link = 'live';
    city.slow = hello.slow;
    city.control = hello.control;
    city.refusals = [];
    city.takeSeen(hello.seen);
    city.takeScores(hello.scores);
    city.takeRefusals(hello.refusals);
    city.takeHappenings(hello.happenings);
    city.takeSwitches(hello.switches);
    for (const topic of ['link', 'clock', 'slow', 'control'] as const) city.tell(topic);
  }
}
