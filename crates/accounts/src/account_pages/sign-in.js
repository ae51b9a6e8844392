// Signs people in, for the account pages or for an application that redirected to /oauth/authorize (RFC 6749 §4.1).

import { Refusal, call } from "./api.js";
import { showApplications } from "./applications.js";
import { askForConsent } from "./consent.js";
import { element, onSubmit, show, wayBack } from "./page.js";
import { offerPasskeys } from "./passkey-sign-in.js";
import { offerProviders } from "./providers.js";
import { signInForm, whoIsSignedIn } from "./sign-in-form.js";

const KNOWN = [
  "client_id",
  "redirect_uri",
  "response_type",
  "response_mode",
  "scope",
  "state",
  "code_challenge",
  "code_challenge_method",
];

// Without these parameters the application cannot be notified, so the person sees the error.
const NEEDED = {
  client_id: "The application that sent you here did not identify itself (client_id is missing). Contact its developers.",
  redirect_uri: "The application that sent you here did not say where to return to (redirect_uri is missing). Contact its developers.",
};

if (location.pathname === "/oauth/authorize") forAnApplication().catch(tell);
else forOneself().catch(tell);

async function forAnApplication() {
  const request = requestOf(new URLSearchParams(location.search));
  // Check the application and its request before the person types a password.
  const looked = await call("POST", "/oauth/authorization-requests", request);
  if (looked.redirect_to) return location.replace(looked.redirect_to);
  // The service decides whether the person must consent; the next request then contains their decision.
  const letIn = async (decision) => {
    const answer = await call("POST", "/oauth/authorizations", { ...request, decision });
    if (answer.redirect_to) return location.replace(answer.redirect_to);
    await askForConsent(answer.consent, letIn);
  };
  element("lead").textContent = `to continue to ${looked.client_name}`;
  signInForm(() => letIn());
  try {
    await letIn();
  } catch (refusal) {
    if (refusal.status !== 401) throw refusal;
    show("sign-in");
    await Promise.all([offerProviders(), offerPasskeys(() => letIn())]);
  }
}

// Repeated parameters are ambiguous, and empty ones count as absent (RFC 6749 §3.1). The application is notified, unless
// its identity or redirect URI is ambiguous (§4.1.2.1).
function requestOf(query) {
  const request = {};
  for (const name of KNOWN) {
    const values = query.getAll(name).filter(Boolean);
    if (values.length > 1 && ["client_id", "redirect_uri"].includes(name)) {
      throw new Refusal(`The application that sent you here sent a parameter twice (${name}). Contact its developers.`, null);
    }
    if (values.length === 0 && name in NEEDED) throw new Refusal(NEEDED[name], null);
    if (values.length > 1) request.repeats_parameters = true;
    if (values.length === 1) request[name] = values[0];
  }
  return request;
}

async function forOneself() {
  const next = wayBack();
  const done = async () => (next ? location.replace(next) : showWho(await call("GET", "/v1/me")));
  signInForm(done);
  onSubmit(element("sign-out-form"), async () => {
    await call("DELETE", "/v1/sessions/current");
    location.reload();
  });
  const me = await whoIsSignedIn();
  if (me) return done();
  show("sign-in");
  await Promise.all([offerProviders(), offerPasskeys(done)]);
}

function showWho(me) {
  element("who").textContent = [me.email ?? me.name, me.organization?.name, me.role].filter(Boolean).join(" · ");
  show("signed-in");
  showApplications().catch(tell);
}

function tell(refusal) {
  element("reason").textContent = refusal.message;
  show("refused");
}
