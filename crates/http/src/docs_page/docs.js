// The page around Swagger UI: the signed-in account, the color scheme, and changes to Swagger UI.

import { changes } from "./operations.js";
import { signOut, whoIsSignedIn } from "./session.js";

// The security scheme in the OpenAPI document for the session of this browser.
const SCHEME = "cookie";
// Shown by Swagger UI instead of the cookie, which no script can read.
const SHOWN = "<the session of this browser>";

const element = (id) => document.getElementById(id);
let signedIn = false;

followColourScheme();
const ui = SwaggerUIBundle({
  url: "/openapi.json",
  domNode: element("api"),
  deepLinking: true,
  // Each operation shows its schemas; rendering the list of all schemas is slow.
  defaultModelsExpandDepth: 0,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false,
  plugins: [changes, { statePlugins: { auth: { wrapActions: { logout: signOutHereToo } } } }],
  showCommonExtensions: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  onComplete: showDocument,
  operationsSorter: byPathThenMethod,
  responseInterceptor: watchForTheEnd,
});

element("sign-in").addEventListener("click", comeBackHere);
element("sign-out").addEventListener("click", endSession);
// The person may have signed in or out in another tab.
document.addEventListener("visibilitychange", () => {
  if (document.visibilityState === "visible") look();
});
look();

async function look() {
  try {
    const profile = await whoIsSignedIn();
    if (profile) showProfile(profile);
    else showSignIn(signedIn ? "The session has ended. Sign in again." : "");
  } catch (error) {
    showMessage(error.message);
  }
}

async function endSession() {
  showSignIn("");
  element("sign-in").focus();
  try {
    await signOut();
  } catch (error) {
    showMessage(`Signed out here, but not on the server: ${error.message}`);
  }
}

// Makes the sign-in page return to the open operation.
function comeBackHere() {
  element("sign-in").href = `/account/sign-in?next=${encodeURIComponent(location.pathname + location.hash)}`;
}

function showProfile(profile) {
  element("who-email").textContent = profile.email ?? profile.name;
  element("who-role").textContent = [profile.organization, profile.role].map(nameOf).filter(Boolean).join(" · ");
  element("sign-in").hidden = true;
  element("signed-in").hidden = false;
  signedIn = true;
  showMessage("");
  authorizeOperations();
}

// An organization or a role is a name or an object with a name.
function nameOf(value) {
  return value?.name ?? value;
}

function showSignIn(reason) {
  const wasSignedIn = signedIn;
  signedIn = false;
  if (wasSignedIn) ui.authActions.logout([SCHEME]);
  element("signed-in").hidden = true;
  element("sign-in").hidden = false;
  showMessage(reason);
}

function showMessage(text) {
  element("message").textContent = text;
  element("message").hidden = text === "";
}

// Makes Swagger UI show closed padlocks; the browser sends the cookie automatically. It has no effect before the document
// is loaded, so `showDocument` calls it again.
function authorizeOperations() {
  if (signedIn) ui.preauthorizeApiKey(SCHEME, SHOWN);
}

// Logging out in Swagger UI's dialog also ends the session.
function signOutHereToo(original) {
  return (schemes) => {
    original(schemes);
    if (signedIn && schemes.includes(SCHEME)) endSession();
  };
}

function showDocument() {
  const title = ui.specSelectors.info().get("title") ?? "API";
  document.title = title;
  element("title").textContent = title;
  // Swagger UI's text for the filter mentions only tags; see `filterOperations`.
  const filter = document.querySelector(".operation-filter-input");
  filter.placeholder = "Filter operations";
  filter.setAttribute("aria-label", "Filter operations");
  authorizeOperations();
}

// Reads come first, deletes last.
function byPathThenMethod(one, other) {
  const order = ["get", "post", "put", "patch", "delete"];
  const byMethod = order.indexOf(one.get("method")) - order.indexOf(other.get("method"));
  return one.get("path").localeCompare(other.get("path")) || byMethod;
}

// A 401 may also mean that an operation requires more than a session.
function watchForTheEnd(response) {
  if (response.status === 401 && signedIn) look();
  return response;
}

// Swagger UI selects its dark colors by a class, not by the preference.
function followColourScheme() {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", apply);
  apply();
}
