// Passkeys in this browser (W3C Web Authentication, level 3).

import { Refusal, call } from "./api.js";

// Browsers that read and write the JSON of the standard.
export function takesPasskeys() {
  return "parseRequestOptionsFromJSON" in (window.PublicKeyCredential ?? {});
}

// Whether passkeys stand among what the browser suggests for a field.
export function suggestsPasskeys() {
  return window.PublicKeyCredential?.isConditionalMediationAvailable?.() ?? false;
}

// Has the person choose a passkey, and answers with what it says. `how` may name a `mediation` and a `signal`.
export async function showPasskey(how = {}) {
  const { public_key } = await call("POST", "/v1/sessions/passkey/options");
  const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(public_key);
  return answered(() => navigator.credentials.get({ publicKey, ...how }));
}

// Has a device make a passkey for what `POST /v1/me/passkeys/options` answered.
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

// What browsers say by the name of an error alone.
const WORDS = {
  AbortError: "No passkey was chosen.",
  InvalidStateError: "This device has a passkey of your account already.",
  NotAllowedError: "No passkey was used. Try again, or choose another way.",
  SecurityError: "Passkeys do not work at this address.",
};
