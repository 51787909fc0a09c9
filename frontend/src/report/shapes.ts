// What goes over the wire to `/api/reports`, and what this phone keeps. Times of the wire are RFC 3339, the phone's own are milliseconds.

import type { Attribute, Given, Said } from '../lib/answers';

export interface Category {
  code: string;
  title: Said;
  /** Working hours until an agency has it, and until it is done; null: nothing is promised. */
  hours: { accept: number | null; done: number | null };
  near_m: number;
  attributes: Attribute[];
}

export interface Form {
  province: Said;
  jurisdiction: string;
  categories: Category[];
  limits: { photos: number; photo_bytes: number; video_bytes: number; words: number };
  /** Name and phone may be told. */
  person: boolean;
  demo: boolean;
}

export interface Place {
  lon: number;
  lat: number;
  /** Metres; null when a person chose the place. */
  accuracy: number | null;
  at: number;
  how: 'gps' | 'map' | 'unit' | 'typed';
}

/** What is being written; `client` is the report's own number from the first letter on, so that it arrives once. */
export interface Draft {
  client: string;
  category: string | null;
  words: string;
  place: Place | null;
  address: string;
  name: string;
  phone: string;
  attributes: Given;
  /** Reports nearby that are another thing. */
  others: string[];
  at: number;
}

export type PhotoState = 'kept' | 'sending' | 'taken' | 'refused';

/** A photo of a report; its bytes lie apart, until the province has them. */
export interface Photo {
  client: string;
  hash: string;
  position: number;
  kind: 'photo' | 'video';
  type: string;
  bytes: number;
  /** A data URL of some 200 pixels; empty for a film that this phone can't draw. */
  thumb: string;
  state: PhotoState;
  offset: number;
  why: string | null;
}

/** The body of POST /api/reports. */
export interface Filing {
  client: string;
  category: string;
  words: string;
  lon?: number;
  lat?: number;
  accuracy_m?: number;
  address?: string;
  made: string;
  lang: 'vi' | 'en';
  name?: string;
  phone?: string;
  photos: { hash: string; kind: 'photo' | 'video'; bytes: number; type: string }[];
  device?: string;
  attributes?: Given;
  website: string;
}

/** A report of this phone. waiting: here alone · filed: the province has it, photos are on their way · whole · refused. */
export interface Mine {
  client: string;
  category: string;
  title: Said;
  hours: Category['hours'];
  words: string;
  place: Place | null;
  kept: number;
  /** What is still to be said; null once the province has it, so that name and phone leave the phone. */
  filing: Filing | null;
  state: 'waiting' | 'filed' | 'whole' | 'refused';
  filed: number | null;
  id: string | null;
  number: string | null;
  follow: string | null;
  why: string | null;
  tries: number;
  next: number;
}

/** A voice for another's report, kept until there is signal. */
export interface Support {
  client: string;
  id: string;
  number: string;
  words: string;
  kept: number;
  state: 'waiting' | 'whole' | 'refused';
  why: string | null;
  tries: number;
  next: number;
}

export interface Near {
  id: string;
  number: string;
  category: string;
  words: string;
  distance_m: number;
  filed: string;
  state: string;
  /** Who has it, by name; null: nobody yet. */
  agency_title?: Said | null;
  photo?: string | null;
}

/** What was asked and when: a list that lies on the phone says so. */
export interface Held<T> {
  key: string;
  at: number;
  value: T;
}

export interface Followed {
  id: string;
  number: string;
  category: string;
  state: string;
  words: string;
  filed: string;
  place: { unit?: string | null; name?: string | null } | null;
  steps: { at: string; step: string; to: string; say: Said; agency?: string | null; text?: string | null; due?: string | null }[];
  next: { say: Said; due?: string | null }[];
  photos: { url: string | null; kind: string; state: string; why?: string | null }[];
  asks: { text: string } | null;
  satisfied: number | null;
  may: string[];
}
