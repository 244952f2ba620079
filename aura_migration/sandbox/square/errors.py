"""Square's error envelope. The category follows from the code; the HTTP status from the code where it can."""

from __future__ import annotations

from typing import Any

from starlette.responses import JSONResponse, Response

STATUS_OF = {
    "UNAUTHORIZED": 401,
    "ACCESS_TOKEN_EXPIRED": 401,
    "ACCESS_TOKEN_REVOKED": 401,
    "FORBIDDEN": 403,
    "INSUFFICIENT_SCOPES": 403,
    "NOT_FOUND": 404,
    "GONE": 410,
    "MERCHANT_SUBSCRIPTION_NOT_FOUND": 403,
    "METHOD_NOT_ALLOWED": 405,
    "NOT_ACCEPTABLE": 406,
    "UNSUPPORTED_MEDIA_TYPE": 415,
    "RATE_LIMITED": 429,
    "INTERNAL_SERVER_ERROR": 500,
    "NOT_IMPLEMENTED": 501,
    "BAD_GATEWAY": 502,
    "SERVICE_UNAVAILABLE": 503,
    "GATEWAY_TIMEOUT": 504,
}
AUTHENTICATION = {"UNAUTHORIZED", "ACCESS_TOKEN_EXPIRED", "ACCESS_TOKEN_REVOKED", "FORBIDDEN", "INSUFFICIENT_SCOPES"}
API = {"INTERNAL_SERVER_ERROR", "NOT_IMPLEMENTED", "BAD_GATEWAY", "SERVICE_UNAVAILABLE", "GATEWAY_TIMEOUT"}
PAYMENT_METHOD = {"CARD_DECLINED"}
REFUND = {"REFUND_AMOUNT_INVALID", "REFUND_ERROR_PAYMENT_NEEDS_COMPLETION"}


class SquareError(Exception):
    """An answer of Square's that is an error."""

    def __init__(
        self, code: str, detail: str | None = None, field: str | None = None, status: int | None = None
    ) -> None:
        super().__init__(detail or code)
        self.code = code
        self.detail = detail
        self.field = field
        self.status = status or STATUS_OF.get(code, 400)

    def to_json(self) -> dict[str, Any]:
        """The error object; `detail` and `field` only where there is something to say."""
        category = (
            "AUTHENTICATION_ERROR"
            if self.code in AUTHENTICATION
            else "RATE_LIMIT_ERROR"
            if self.code == "RATE_LIMITED"
            else "API_ERROR"
            if self.code in API
            else "MERCHANT_SUBSCRIPTION_ERROR"
            if self.code == "MERCHANT_SUBSCRIPTION_NOT_FOUND"
            else "PAYMENT_METHOD_ERROR"
            if self.code in PAYMENT_METHOD
            else "REFUND_ERROR"
            if self.code in REFUND
            else "INVALID_REQUEST_ERROR"
        )
        body: dict[str, Any] = {"category": category, "code": self.code}
        if self.detail:
            body["detail"] = self.detail
        if self.field:
            body["field"] = self.field
        return body

    def response(self, headers: dict[str, str] | None = None) -> Response:
        """The whole answer."""
        return JSONResponse({"errors": [self.to_json()]}, self.status, headers)
