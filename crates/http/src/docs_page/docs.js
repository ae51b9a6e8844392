// The page around Swagger UI: the sign-in form, the colour scheme, and the token that is handed to the operations.

import { Session } from "./session.js";

// The security scheme of the OpenAPI document that takes the access token.
const SCHEME = "bearer";

const element = (id) => document.getElementById(id);
const session = new Session(showSignIn);

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
element("sign-out").addEventListener("click", signOut);

async function signIn(event) {
  event.preventDefault();
  const button = event.submitter ?? element("sign-in").querySelector("button");
  button.disabled = true;
  showMessage("");
  try {
    showProfile(await session.signIn(element("email").value, element("password").value));
    handTokenToOperations();
  } catch (refusal) {
    showMessage(refusal.message);
    element("password").focus();
  } finally {
    element("password").value = "";
    button.disabled = false;
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
  element("who-email").textContent = profile.email;
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
  if (session.token) ui.preauthorizeApiKey(SCHEME, session.token);
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
