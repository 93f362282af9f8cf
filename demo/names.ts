/** Names and places of the invented city. */
import type { CityCode } from './data.ts';

/** Name, street, city, latitude, longitude. */
export const STATION_PLACES: ReadonlyArray<
  readonly [name: string, street: string, city: CityCode, lat: number, lon: number]
> = [
  ['Central Station', 'Bahnhofsplatz', 'lindhaven', 54.3212, 10.1314],
  ['Old Market', 'Marktgasse', 'lindhaven', 54.3236, 10.1389],
  ['Town Hall', 'Rathausstrasse', 'lindhaven', 54.3228, 10.1352],
  ['Fish Quay', 'Fischkai', 'lindhaven', 54.3257, 10.1437],
  ['Ferry Terminal', 'Faehrdamm', 'lindhaven', 54.3271, 10.1478],
  ['Lighthouse Pier', 'Leuchtturmweg', 'lindhaven', 54.3402, 10.1655],
  ['Opera', 'Am Opernhaus', 'lindhaven', 54.3219, 10.1401],
  ['University Library', 'Campusallee', 'lindhaven', 54.3385, 10.1221],
  ['University Sports Hall', 'Olympiaring', 'lindhaven', 54.3411, 10.1198],
  ['Botanical Garden', 'Gartenweg', 'lindhaven', 54.3368, 10.1263],
  ['Harbour Museum', 'Speicherstrasse', 'lindhaven', 54.3249, 10.1462],
  ['Shipyard Gate', 'Werftstrasse', 'lindhaven', 54.3166, 10.1583],
  ['Dry Dock 4', 'Dockstrasse', 'lindhaven', 54.3149, 10.1617],
  ['South Bridge', 'Suedbruecke', 'lindhaven', 54.3107, 10.1362],
  ['Canal Lock', 'Schleusenufer', 'lindhaven', 54.3655, 10.1402],
  ['Linden Park', 'Lindenallee', 'lindhaven', 54.3301, 10.1282],
  ['Water Tower', 'Wasserturmweg', 'lindhaven', 54.3319, 10.1087],
  ['St Nicholas', 'Nikolaikirchhof', 'lindhaven', 54.3233, 10.1378],
  ['City Hospital', 'Klinikstrasse', 'lindhaven', 54.3289, 10.1431],
  ['Children’s Hospital', 'Klinikstrasse', 'lindhaven', 54.3296, 10.1452],
  ['North Cemetery', 'Nordring', 'lindhaven', 54.3471, 10.1121],
  ['Stadium East', 'Stadionweg', 'lindhaven', 54.3493, 10.1243],
  ['Stadium West', 'Stadionweg', 'lindhaven', 54.3497, 10.1198],
  ['Brewery Yard', 'Brauhof', 'lindhaven', 54.3189, 10.1271],
  ['Tannery Lane', 'Gerbergang', 'lindhaven', 54.3198, 10.1236],
  ['Rope Walk', 'Reeperbahn', 'lindhaven', 54.3181, 10.1342],
  ['Observatory', 'Sternwarteweg', 'lindhaven', 54.3436, 10.1309],
  ['Beach Promenade', 'Strandpromenade', 'lindhaven', 54.3528, 10.1707],
  ['Yacht Club', 'Seglerweg', 'lindhaven', 54.3463, 10.1622],
  ['Trade Fair', 'Messering', 'lindhaven', 54.3072, 10.1158],
  ['Airport Shuttle', 'Flughafenstrasse', 'lindhaven', 54.3792, 10.1449],
  ['Vineyard Hill', 'Weinbergstieg', 'lindhaven', 54.3124, 10.1204],
  ['Ostwick Station', 'Bahnhofstrasse', 'ostwick', 54.4051, 10.2213],
  ['Ostwick Market', 'Am Markt', 'ostwick', 54.4068, 10.2251],
  ['Ostwick School', 'Schulweg', 'ostwick', 54.4089, 10.2232],
  ['Ostwick Mill', 'Muehlenweg', 'ostwick', 54.4032, 10.2178],
  ['Ostwick Beach', 'Duenenweg', 'ostwick', 54.4127, 10.2341],
  ['Ostwick Campsite', 'Zeltplatzweg', 'ostwick', 54.4156, 10.2387],
  ['Ostwick Clinic', 'Kurstrasse', 'ostwick', 54.4077, 10.2294],
  ['Ostwick Ferry', 'Anleger', 'ostwick', 54.4101, 10.2315],
];

/** Name, city, latitude, longitude. */
export const WORKSHOP_PLACES: ReadonlyArray<
  readonly [name: string, city: CityCode, lat: number, lon: number]
> = [
  ['Central Workshop', 'lindhaven', 54.3205, 10.1299],
  ['Shipyard Workshop', 'lindhaven', 54.3158, 10.1596],
  ['Ostwick Workshop', 'ostwick', 54.4044, 10.2201],
];

export const MODELS: ReadonlyArray<{
  readonly name: string;
  readonly electric: boolean;
  readonly gears: number;
}> = [
  { name: 'Tern', electric: false, gears: 3 },
  { name: 'Plover', electric: false, gears: 7 },
  { name: 'Gannet', electric: true, gears: 1 },
];

export const RIDER_NAMES: readonly string[] = [
  'Ada Brandt',
  'Bilal Aydin',
  'Chiara Conti',
  'Dmitri Volkov',
  'Elif Demir',
  'Femi Okafor',
  'Greta Lindqvist',
  'Hiro Tanaka',
  'Ines Carvalho',
  'Jonas Petersen',
  'Kaja Nowak',
  'Liam Byrne',
  'Mei Chen',
  'Nora Haddad',
  'Oskar Virtanen',
  'Priya Nair',
  'Quentin Moreau',
  'Rosa Jiménez',
  'Sven Dahl',
  'Tomás Silva',
  'Uma Rao',
  'Viktor Horák',
  'Wanda Krause',
  'Xenia Popova',
  'Yusuf Kaya',
  'Zoë Janssen',
  'Anders Holm',
  'Beatriz Costa',
  'Cormac Doyle',
  'Dana Levi',
];
