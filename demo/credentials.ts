/** What the backends of the demo ask for. The defaults in the connector.yml of each connector say the same. */
export const STATIONS_KEY = 'stations-demo-key';
export const FLEET_TOKEN = 'fleet-demo-token';
export const BILLING_LOGIN = { username: 'hem', password: 'billing-demo-password' } as const;
export const RIDERS_TOKEN = 'riders-demo-token';
