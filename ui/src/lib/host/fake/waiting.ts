// Recorded hosts that wait for their part of a run, one of each way in which that can end.

import type { WaitingHost } from '../../wire/types';
import { ago } from './time';

/** The run that delivered one host's part late. */
export const lateId = '01KAM2R4S6T8V0W2X4Y6Z8A0BC';
const day = 86_400;

export function waitingRows(): WaitingHost[] {
  const row = (host: string, over: Partial<WaitingHost>): WaitingHost => ({
    run: '01KALYK2N8B3T5R7V9W1Z4C6DE',
    title: 'Roll back a release',
    host,
    since: ago(12_700),
    until: ago(-2 * day - 7000),
    state: 'waiting',
    why: '',
    delivered_by: null,
    ...over,
  });
  return [
    row('web-sgp-2', {}),
    row('inference-sgp-2', { why: 'it answered, but another run is active there' }),
    row('gateway-iad-1', { state: 'not delivered', why: 'its host key has changed since' }),
    row('web-fra-2', {
      run: '01KAM1J6Q0R8H2D5Y7K3W9B4TN',
      title: 'Fetch recent logs',
      state: 'delivered',
      delivered_by: lateId,
    }),
    row('database-sgp-1', { state: 'superseded', why: 'a newer run of the same runbook reached it', until: ago(-day) }),
  ];
}
