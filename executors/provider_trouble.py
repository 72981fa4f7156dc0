"""What a failed call of a model means: whether it may have been charged, whether trying again can help, and words for a person."""

from __future__ import annotations

from pydantic_ai.exceptions import (
    AgentRunError,
    ContentFilterError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelContextWindowExceededError,
    ModelHTTPError,
    ModelNotFoundError,
    ModelQuotaExceededError,
    ModelRateLimitError,
    ModelRequestRejectedError,
    ModelTimeoutError,
)

from executors.trouble import Trouble

_BEFORE_SENDING = frozenset({"pool", "connect"})

_SOMEBODY_ELSE_SPEAKS = frozenset({502, 504})
"""A gateway lost the provider: what the provider did with the request is not known."""


class ProviderFailed(Exception):
    """No model of the order answered; the message is for a person."""

    def __init__(self, said: str, *, later: bool) -> None:
        """Keep whether one of them may answer later."""
        super().__init__(said)
        self.later = later


def judge(error: AgentRunError, model: str, setting: str) -> Trouble:
    """Say what an error of the client library means for the call that it ended."""
    if isinstance(error, ModelConnectionError):
        return _no_answer(error, model)
    if isinstance(error, ModelAPIError):
        return _refused(error, model, setting)
    if isinstance(error, ContentFilterError):
        return Trouble(said=f"{model} would not answer: its provider's content filter stopped it", retry=False, charged=True)
    return Trouble(said=f"{model} answered nonsense: {_line(str(error))}", retry=True, charged=True)


def _no_answer(error: ModelConnectionError, model: str) -> Trouble:
    unsent = error.phase in _BEFORE_SENDING
    if isinstance(error, ModelTimeoutError):
        said = f"{model} did not answer in time"
    elif unsent:
        said = f"{model} could not be reached: {_line(str(error.__cause__ or error))}"
    else:
        said = f"the connection to {model} was lost before its answer was complete"
    return Trouble(said=said, retry=True, charged=not unsent)


def _refused(error: ModelAPIError, model: str, setting: str) -> Trouble:
    status = error.status_code if isinstance(error, ModelHTTPError) else None
    seen = f"HTTP {status}" if status else "an error"
    charged = error.in_stream or status is None or status in _SOMEBODY_ELSE_SPEAKS
    if isinstance(error, ModelAuthenticationError):
        return Trouble(said=f"the provider of {model} refused the key ({seen}): check {setting}", retry=False, charged=charged)
    if isinstance(error, ModelContextWindowExceededError):
        said = f"the conversation is too long for {model}: split the task, or choose a model with a larger context"
        return Trouble(said=said, retry=False, charged=charged)
    if isinstance(error, ModelQuotaExceededError):
        return Trouble(said=f"the account behind {setting} has no credit left for {model} ({seen})", retry=False, charged=charged)
    if isinstance(error, ModelNotFoundError):
        return Trouble(said=f"the provider has no model {model} ({seen}): check its name", retry=False, charged=charged)
    if isinstance(error, ModelRequestRejectedError):
        return Trouble(said=f"{model} rejected the request ({seen}): {_words(error)}", retry=False, charged=charged)
    if isinstance(error, ModelRateLimitError):
        return Trouble(said=f"{model} is over its rate limit ({seen})", retry=True, charged=charged, wait_s=error.retry_after)
    return Trouble(said=f"{model} failed ({seen}): {_words(error)}", retry=True, charged=charged, wait_s=error.retry_after)


def _words(error: ModelAPIError) -> str:
    body = error.body
    inner = body.get("error", body) if isinstance(body, dict) else body
    message = inner.get("message") if isinstance(inner, dict) else inner
    return _line(str(message or error))


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
