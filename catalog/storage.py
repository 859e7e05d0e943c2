"""The warehouse: a prefix in an S3 or R2 bucket, or a local folder."""

import socket
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

from pyarrow import fs

from catalog.errors import NotReachable, OperatorError
from catalog.settings import CatalogSettings

if TYPE_CHECKING:
    from boto3.session import Session

DEFAULT_REGION = "us-east-1"
UNUSABLE_IN_LOCATIONS = "?#*[]%"  # parts of a URL, or DuckDB's wildcards

DENIED = ("AccessDenied", "AllAccessDisabled", "AccountProblem", "403")
KEY_UNKNOWN = ("InvalidAccessKeyId", "InvalidAccessKey", "InvalidClientTokenId", "Unauthorized", "401")
BUCKET_MISSING = ("NoSuchBucket", "404")
WRONG_REGION = ("PermanentRedirect", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException", "301")
TOKEN_OLD = ("ExpiredToken", "InvalidToken", "ExpiredTokenException", "TokenRefreshRequired")


class PatientRetries(fs.AwsStandardS3RetryStrategy):  # type: ignore[misc]  # pyarrow has no types
    """Six attempts a request: a bucket that throttles ends a sync with the three of the SDK."""

    def __init__(self) -> None:
        """Take no argument: PyIceberg makes it from its name."""
        super().__init__(max_attempts=6)


@dataclass(frozen=True, slots=True)
class S3Credentials:
    """What a client of the bucket needs, as DuckDB's secrets want it."""

    key_id: str
    secret: str = field(repr=False)
    session_token: str | None = field(repr=False)
    region: str
    endpoint: str | None  # host or host:port; none: AWS' own
    use_ssl: bool


class Warehouse:
    """Where tables keep their files. `location` has no slash at its end."""

    def __init__(self, settings: CatalogSettings) -> None:
        """See `open`."""
        self._settings = settings
        self._bucket = settings.s3_bucket
        self._aws: Session | None = None
        if self._bucket is None:
            self._folder = settings.data_dir / "warehouse"
            self.location = f"file://{self._folder}"
        else:
            self.location = f"s3://{self._bucket}/{settings.s3_prefix}"

    @classmethod
    def open(cls, settings: CatalogSettings) -> Self:
        """Say where the warehouse is; touches nothing (see `check`).

        Raises: OperatorError when the data folder's name cannot be part of a location.
        """
        if settings.s3_bucket is None:
            odd = sorted(set(str(settings.data_dir)) & set(UNUSABLE_IN_LOCATIONS))
            if odd:
                raise OperatorError(
                    "BEMIDB_DATA_DIR", f"its path holds {' '.join(odd)}", "choose a folder without such characters"
                )
        return cls(settings)

    @property
    def is_s3(self) -> bool:
        """Tell a bucket from a folder."""
        return self._bucket is not None

    @property
    def file_io_properties(self) -> dict[str, str]:
        """PyIceberg's properties for a FileIO. Ask again rather than keep: credentials of a role expire."""
        credentials = self.s3_credentials()
        if credentials is None:
            return {}
        optional = {
            "s3.session-token": credentials.session_token,
            "s3.endpoint": self._settings.s3_endpoint,
        }
        return {
            "s3.access-key-id": credentials.key_id,
            "s3.secret-access-key": credentials.secret,
            "s3.region": credentials.region,
            "s3.connect-timeout": "10",
            "s3.request-timeout": "60",
            "s3.retry-strategy-impl": f"{PatientRetries.__module__}.{PatientRetries.__qualname__}",
            **{name: value for name, value in optional.items() if value is not None},
        }

    def s3_credentials(self) -> S3Credentials | None:
        """Return the credentials in force now, by the AWS chain where none are set; none for a folder.

        Raises: OperatorError when the chain has none.
        """
        if not self.is_s3:
            return None
        endpoint = urlsplit(self._settings.s3_endpoint) if self._settings.s3_endpoint else None
        session = self._session()
        found = session.get_credentials()
        if found is None:
            raise OperatorError(
                "AWS_ACCESS_KEY_ID",
                "is not set, and the AWS credential chain has no credentials",
                "set it and AWS_SECRET_ACCESS_KEY, or give this machine a role or a profile",
            )
        keys = found.get_frozen_credentials()
        return S3Credentials(
            key_id=keys.access_key,
            secret=keys.secret_key,
            session_token=keys.token,
            region=self._region(),
            endpoint=endpoint.netloc if endpoint else None,
            use_ssl=endpoint is None or endpoint.scheme == "https",
        )

    def arrow_filesystem(self) -> fs.FileSystem:
        """Return what pyarrow writes and reads files with; paths by `arrow_path`."""
        credentials = self.s3_credentials()
        if credentials is None:
            return fs.LocalFileSystem()
        return fs.S3FileSystem(
            access_key=credentials.key_id,
            secret_key=credentials.secret,
            session_token=credentials.session_token,
            region=credentials.region,
            endpoint_override=credentials.endpoint,
            scheme="https" if credentials.use_ssl else "http",
            connect_timeout=10,
            request_timeout=60,
            retry_strategy=PatientRetries(),
        )

    @staticmethod
    def arrow_path(location: str) -> str:
        """Return a location as `arrow_filesystem` wants it."""
        return location.removeprefix("file://").removeprefix("s3://")

    def check(self, *, write: bool = False) -> None:
        """See whether the warehouse can be used, with one request, and another two for writing.

        Raises: OperatorError naming the variable to mend; NotReachable when it may work later.
        """
        if self.is_s3:
            self._check_bucket(write)
        else:
            self._check_folder()

    def _check_folder(self) -> None:
        probe = self._folder / f".write-check-{uuid4().hex}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            probe.touch()
            probe.unlink()
        except OSError as error:
            raise OperatorError(
                "BEMIDB_DATA_DIR", f"{self._folder} cannot be written ({error.strerror})", "choose another folder"
            ) from error

    def _check_bucket(self, write: bool) -> None:
        # botocore takes a quarter of a second to import: only where there is a bucket.
        from botocore.exceptions import BotoCoreError, ClientError

        client = self._client()
        try:
            client.list_objects_v2(Bucket=self._bucket, Prefix=self._settings.s3_prefix + "/", MaxKeys=1)
            if write:
                key = f"{self._settings.s3_prefix}/.write-check-{uuid4().hex}"
                client.put_object(Bucket=self._bucket, Key=key, Body=b"")
                client.delete_object(Bucket=self._bucket, Key=key)
        except ClientError as error:
            raise self._refused(error.response) from None
        except BotoCoreError as error:
            raise self._unreachable(error) from None

    def _refused(self, response: dict[str, Any]) -> OperatorError | NotReachable:
        """Name the variable behind an answer that is an error."""
        code = str(response.get("Error", {}).get("Code", ""))
        details = response.get("ResponseMetadata", {})
        status = details.get("HTTPStatusCode", 0)
        region = details.get("HTTPHeaders", {}).get("x-amz-bucket-region") or response["Error"].get("Region")
        fixed = (
            (BUCKET_MISSING, "AWS_S3_BUCKET", f"the bucket {self._bucket} does not exist", "create it, or correct it"),
            (KEY_UNKNOWN, "AWS_ACCESS_KEY_ID", "the store does not know this key", "correct it"),
            (("SignatureDoesNotMatch",), "AWS_SECRET_ACCESS_KEY", "does not belong to the access key", "correct it"),
            (TOKEN_OLD, "AWS_SESSION_TOKEN", "has expired or is not valid", "renew it"),
            (
                DENIED,
                "AWS_ACCESS_KEY_ID",
                f"access to the bucket {self._bucket} is denied",
                "allow ListBucket, GetObject and, for the syncer, PutObject and DeleteObject",
            ),
            (
                WRONG_REGION,
                "AWS_REGION",
                f"the bucket {self._bucket} is in another region",
                f"set it to {region}" if region else "correct it",
            ),
        )
        if "html" in details.get("HTTPHeaders", {}).get("content-type", "") and status <= 500:
            # botocore makes a 500 of what it cannot read; gateways in trouble answer 502 to 504.
            return OperatorError("AWS_S3_ENDPOINT", "what answers there is a web page, not an S3 store", "correct it")
        for codes, variable, problem, fix in fixed:
            if code in codes:
                return OperatorError(variable, problem, fix)
        if status >= 500 or code in ("SlowDown", "RequestTimeout", "ServiceUnavailable", "InternalError", "429"):
            return NotReachable("AWS_S3_ENDPOINT", f"the store answers {code or status}")
        return OperatorError("AWS_S3_ENDPOINT", f"the store answers {code or status}", "see that it is an S3 endpoint")

    def _unreachable(self, error: Exception) -> OperatorError | NotReachable:
        """Tell a wrong endpoint from one that is not up: the same class of error has both."""
        from botocore import exceptions

        endpoint = self._settings.s3_endpoint or "AWS"
        if isinstance(error, exceptions.NoCredentialsError | exceptions.PartialCredentialsError):
            return OperatorError("AWS_ACCESS_KEY_ID", "there are no credentials", "set it and AWS_SECRET_ACCESS_KEY")
        if isinstance(error, exceptions.SSLError):
            return OperatorError(
                "AWS_S3_ENDPOINT", f"{endpoint} does not speak TLS, or not with a certificate that is trusted",
                "write http:// before it if it is not encrypted",
            )  # fmt: skip
        if isinstance(error, exceptions.HTTPClientError | exceptions.ConnectionError):
            if self._settings.s3_endpoint and not _resolves(urlsplit(self._settings.s3_endpoint).hostname or ""):
                return OperatorError("AWS_S3_ENDPOINT", f"the host of {endpoint} does not exist", "correct it")
            return NotReachable("AWS_S3_ENDPOINT", f"{endpoint} does not answer")
        return OperatorError("AWS_S3_ENDPOINT", f"{endpoint} does not answer as an S3 store does", "correct it")

    def _client(self) -> Any:
        from botocore.config import Config

        custom = self._settings.s3_endpoint is not None
        return self._session().client(
            "s3",
            endpoint_url=self._settings.s3_endpoint,
            region_name=self._region(),
            config=Config(
                connect_timeout=5,
                read_timeout=10,
                retries={"max_attempts": 1},  # who calls waits and tries again, and says so
                s3={"addressing_style": "path" if custom else "auto"},
            ),
        )

    def _session(self) -> "Session":
        if self._aws is None:
            import boto3
            from botocore.exceptions import ProfileNotFound

            settings = self._settings
            secret, token = settings.s3_secret_access_key, settings.s3_session_token
            try:
                self._aws = boto3.Session(
                    aws_access_key_id=settings.s3_access_key_id,
                    aws_secret_access_key=secret.get_secret_value() if secret else None,
                    aws_session_token=token.get_secret_value() if token and secret else None,
                    region_name=settings.s3_region,
                )
            except ProfileNotFound as error:
                raise OperatorError("AWS_PROFILE", str(error), "correct it, or set AWS_ACCESS_KEY_ID") from None
        return self._aws

    def _region(self) -> str:
        is_r2 = (self._settings.s3_endpoint or "").endswith(".r2.cloudflarestorage.com")
        return self._session().region_name or ("auto" if is_r2 else DEFAULT_REGION)


def _resolves(host: str) -> bool:
    """Tell whether a host name exists, as far as the resolver is sure."""
    try:
        socket.getaddrinfo(host, None)
    except socket.gaierror as error:
        return error.errno != socket.EAI_NONAME
    return True


def local_path(location: str) -> Path:
    """Return the path of a `file://` location."""
    return Path(location.removeprefix("file://"))
