/** Places on the globe, how far they are from each other, and how long light in fibre takes for it. */
import { REGIONS } from '../../config/config.js';
import { MICROSECOND, type Nanoseconds } from '../../network/time.js';
import { CITIES, type City } from './cities.js';
import type { Coordinates, PopSpec } from './scenario.js';

const EARTH_RADIUS_KM = 6371;
/** Light in glass: about two thirds of its speed in vacuum. */
const FIBRE_KM_PER_MS = 200;
/** Cables follow coasts and roads. */
const DETOUR = 1.4;
/** What routers and the last mile add to any way. */
const LEAST = 250 * MICROSECOND;

const BY_CODE = new Map(CITIES.map((city) => [city[0], city]));

/** Codes of all cities, in the order of the table. */
export const CITY_CODES: readonly string[] = CITIES.map(([code]) => code);

/** @param code IATA code, in any case; null when the table does not have it */
export function cityOf(code: string): City | null {
  return BY_CODE.get(code.toLowerCase()) ?? null;
}

/**
 * Great-circle distance in kilometres. Vincenty's formula for a sphere: unlike the haversine formula it keeps its precision
 * for places on opposite sides of the globe, where that one is wrong by some decimetres.
 */
export function distanceOf(a: Coordinates, b: Coordinates): number {
  const [phi1, phi2] = [radians(a[0]), radians(b[0])];
  const lambda = radians(b[1] - a[1]);
  const [sin1, cos1, sin2, cos2] = [Math.sin(phi1), Math.cos(phi1), Math.sin(phi2), Math.cos(phi2)];
  const across = Math.hypot(cos2 * Math.sin(lambda), cos1 * sin2 - sin1 * cos2 * Math.cos(lambda));
  return EARTH_RADIUS_KM * Math.atan2(across, sin1 * sin2 + cos1 * cos2 * Math.cos(lambda));
}

/**
 * One-way delay between two places of the Internet, in whole microseconds: sines may differ in their last bit
 * between machines, and the same scenario must give the same bytes on all.
 */
export function delayBetween(a: Coordinates, b: Coordinates): Nanoseconds {
  const milliseconds = (distanceOf(a, b) * DETOUR) / FIBRE_KM_PER_MS;
  return LEAST + Math.round(milliseconds * 1000) * MICROSECOND;
}

/**
 * `count` PoPs over the globe: first one city of each region, then the second ones, and so on; when all cities
 * have one, each gets a second (`fra2`), some kilometres from the first.
 */
export function generatePops(count: number, servers: number, capacity: number | null): PopSpec[] {
  const pops: PopSpec[] = [];
  for (let round = 1; pops.length < count; round++) {
    for (const [code, region, latitude, longitude] of IN_TURN) {
      if (pops.length === count) break;
      const name = round === 1 ? code : `${code}${round}`;
      const location = [latitude + (round - 1) * 0.1, longitude] as const;
      pops.push({ name, region, location, servers, capacity });
    }
  }
  return pops;
}

const IN_TURN = inTurn();

function inTurn(): City[] {
  const byRegion = REGIONS.map((region) => CITIES.filter((city) => city[1] === region));
  const most = Math.max(...byRegion.map(({ length }) => length));
  return Array.from({ length: most }, (_, i) => byRegion.map((cities) => cities[i]))
    .flat()
    .filter((city) => city !== undefined);
}

function radians(degrees: number): number {
  return (degrees * Math.PI) / 180;
}
