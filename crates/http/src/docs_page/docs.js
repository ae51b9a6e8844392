// The page around Swagger UI: the sign-in form, the colour scheme, and the token that is handed to the operations.

import { leaveForSignIn } from "./client.js";
import { Session } from "./session.js";

// The security scheme of the OpenAPI document that takes the access token.
const SCHEME = "bearer";

const element = (id) => document.getElementById(id);
const session = new Session(takeToken, showSignIn);
let token = null;

followColourScheme();
const ui = SwaggerUIBundle({
  url: "/openapi.json",
  domNode: element("api"),
  deepLinking: true,
  displayRequestDuration: true,
  filter: true,
  persistAuthorization: false,
  plugins: [{ fn: { opsFilter: filterOperations } }],
  showCommonExtensions: true,
  tryItOutEnabled: true,
  validatorUrl: null,
  onComplete: showDocument,
  responseInterceptor: watchForTheEnd,
});

element("sign-in").addEventListener("submit", signIn);
element("elsewhere").addEventListener("click", signInElsewhere);
// Browsers draw what that takes only for pages that came over TLS, or from this machine.
element("elsewhere").hidden = !window.isSecureContext;
element("sign-out").addEventListener("click", signOut);
resume();

async function signIn(event) {
  event.preventDefault();
  const button = event.submitter ?? element("sign-in").querySelector("button");
  button.disabled = true;
  showMessage("");
  try {
    showProfile(await session.signIn(element("email").value, element("password").value, element("code").value));
    forgetInput();
  } catch (refusal) {
    if (refusal.code === "second_factor_required") {
      askForCode();
    } else {
      showMessage(refusal.message);
      const wrong = element(element("code").hidden ? "password" : "code");
      wrong.value = "";
      wrong.focus();
    }
  } finally {
    button.disabled = false;
  }
}

// The password was right: it stays until the code is there, so that nobody types it twice.
function askForCode() {
  element("code").hidden = false;
  element("code").required = true;
  element("code").focus();
  showMessage("Enter the code of your authenticator, or a recovery code.");
}

function forgetInput() {
  element("password").value = element("code").value = "";
  element("code").hidden = true;
  element("code").required = false;
}

async function signInElsewhere() {
  showMessage("");
  try {
    await leaveForSignIn();
  } catch (refusal) {
    showMessage(refusal.message);
  }
}

// Whoever comes back from the sign-in page is signed in here.
async function resume() {
  try {
    const profile = await session.resume();
    if (profile) showProfile(profile);
  } catch (refusal) {
    showMessage(refusal.message);
  }
}

async function signOut() {
  try {
    const ended = session.signOut();
    showSignIn("");
    element("email").focus();
    await ended;
  } catch (refusal) {
    // A session that the server has already ended (401) is what was asked for.
    if (refusal.status !== 401) showMessage(`Signed out here, but not on the server: ${refusal.message}`);
  }
}

function showProfile(profile) {
  element("who-email").textContent = profile.email ?? profile.name;
  element("who-role").textContent = [profile.organization, profile.role].map(nameOf).filter(Boolean).join(" · ");
  element("sign-in").hidden = true;
  element("signed-in").hidden = false;
  element("sign-out").focus();
}

// An organization or a role comes as its name or as an object that has one.
function nameOf(value) {
  return value?.name ?? value;
}

function showSignIn(reason) {
  token = null;
  forgetInput();
  ui.authActions.logout([SCHEME]);
  element("signed-in").hidden = true;
  element("sign-in").hidden = false;
  showMessage(reason);
}

function showMessage(text) {
  element("message").textContent = text;
  element("message").hidden = text === "";
}

// Nothing happens before the document is loaded or when it has no such scheme; `showDocument` asks again.
function handTokenToOperations() {
  if (token) ui.preauthorizeApiKey(SCHEME, token);
}

function takeToken(fresh) {
  token = fresh;
  handTokenToOperations();
}

function showDocument() {
  const title = ui.specSelectors.info().get("title") ?? "API";
  document.title = title;
  element("title").textContent = title;
  // Swagger UI's words for the filter speak of tags alone; see `filterOperations`.
  const filter = document.querySelector(".operation-filter-input");
  filter.placeholder = "Filter operations";
  filter.setAttribute("aria-label", "Filter operations");
  handTokenToOperations();
}

// Keeps the operations whose tag, method, path, name or summary has the phrase; Swagger UI itself looks at tags alone.
function filterOperations(taggedOperations, phrase) {
  const wanted = phrase.toLowerCase();
  const matches = (operation, tag) => {
    const texts = [tag, operation.get("method"), operation.get("path")];
    texts.push(operation.getIn(["operation", "operationId"]), operation.getIn(["operation", "summary"]));
    return texts.some((text) => text?.toLowerCase().includes(wanted));
  };
  return taggedOperations
    .map((group, tag) => group.update("operations", (all) => all.filter((operation) => matches(operation, tag))))
    .filter((group) => !group.get("operations").isEmpty());
}

function watchForTheEnd(response) {
  if (response.status === 401) session.check();
  return response;
}

// Swagger UI has dark colours but takes them from a class, not from the preference.
function followColourScheme() {
  const dark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => document.documentElement.classList.toggle("dark-mode", dark.matches);
  dark.addEventListener("change", apply);
  apply();
}
