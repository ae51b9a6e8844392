// Passkeys in this browser (W3C Web Authentication, level 3).

import { Refusal, call } from "./api.js";

// Whether the browser supports the JSON format of the standard.
export function takesPasskeys() {
  return "parseRequestOptionsFromJSON" in (window.PublicKeyCredential ?? {});
}

// Whether the browser suggests passkeys for a field.
export function suggestsPasskeys() {
  return window.PublicKeyCredential?.isConditionalMediationAvailable?.() ?? false;
}

// Lets the person choose a passkey, and returns its response. `how` may contain a `mediation` and a `signal`.
export async function showPasskey(how = {}) {
  const { public_key } = await call("POST", "/v1/sessions/passkey/options");
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(public_key);
  return answered(() => navigator.credentials.get({ publicKey, ...how }));
}

// Creates a passkey on a device, with the options from `POST /v1/me/passkeys/options`.
export function makePasskey(options) {
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options);
  return answered(() => navigator.credentials.create({ publicKey }));
}

async function answered(ask) {
  try {
    return (await ask()).toJSON();
  } catch (error) {
    throw error.name in WORDS ? new Refusal(WORDS[error.name], null, { code: error.name }) : error;
  }
}

// Messages for errors that browsers only name.
const WORDS = {
  AbortError: "No passkey was chosen.",
  InvalidStateError: "This device already has a passkey for your account.",
  NotAllowedError: "No passkey was used. Try again, or sign in another way.",
  SecurityError: "Passkeys do not work at this address.",
};
