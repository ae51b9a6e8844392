// Signing in, for oneself or for an application that asked at /oauth/authorize (RFC 6749 §4.1).

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

// Without these nobody knows whom to answer: the person is told, since the application cannot be.
const NEEDED = {
  client_id: "The application that sent you here did not say who it is (client_id is missing). Tell its makers.",
  redirect_uri: "The application that sent you here did not say where to go back to (redirect_uri is missing). Tell its makers.",
};

if (location.pathname === "/oauth/authorize") forAnApplication().catch(tell);
else forOneself().catch(tell);

async function forAnApplication() {
  const request = requestOf(new URLSearchParams(location.search));
  // Before anybody types a password: is there such an application, and does it ask rightly?
  const looked = await call("POST", "/oauth/authorization-requests", request);
  if (looked.redirect_to) return location.replace(looked.redirect_to);
  // The service says whether the person has to be asked; then their answer goes along.
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

// A parameter that is there twice has no one meaning, and one without a value counts as absent (RFC 6749 §3.1). The
// application is told so, unless that is what is unclear: who it is, or where it is answered (§4.1.2.1).
function requestOf(query) {
  const request = {};
  for (const name of KNOWN) {
    const values = query.getAll(name).filter(Boolean);
    if (values.length > 1 && ["client_id", "redirect_uri"].includes(name)) {
      throw new Refusal(`The application that sent you here named itself twice (${name}). Tell its makers.`, null);
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
