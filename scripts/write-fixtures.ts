/** Writes fixtures/demo.pcap; part of `npm run generated`. */
import { DEMO_CAPTURE, writeDemoCapture } from './demo-capture.js';

await writeDemoCapture(DEMO_CAPTURE);
