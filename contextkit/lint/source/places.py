"""Where the changing values come from: dotted names, method names, words.

Law: a table, nothing else; one row a fact. What is not in it is not a source.
"""

from __future__ import annotations

import re
from typing import Final

from contextkit.lint.source.values import Kind

__all__ = [
    "ATTRIBUTES",
    "CALLS",
    "CONTAINERS",
    "METHODS",
    "OWNERS",
    "PURE",
    "REQUEST",
    "RETRIEVES",
    "SEARCHED",
    "source_of",
]


def _rows(kind: Kind, names: str) -> dict[str, Kind]:
    return dict.fromkeys(names.split(), kind)


CALLS: Final[dict[str, Kind]] = {
    **_rows(
        Kind.CLOCK,
        """datetime.datetime.now datetime.datetime.utcnow datetime.datetime.today datetime.date.today time.time
        time.time_ns time.monotonic time.monotonic_ns time.perf_counter time.perf_counter_ns time.ctime time.asctime
        time.localtime time.gmtime time.strftime time.process_time time.thread_time time.clock_gettime
        pendulum.now pendulum.today pendulum.tomorrow pendulum.yesterday arrow.now arrow.utcnow arrow.get
        django.utils.timezone.now django.utils.timezone.localtime django.utils.timezone.localdate
        pandas.Timestamp.now pandas.Timestamp.today pandas.Timestamp.utcnow whenever.Instant.now
        whenever.ZonedDateTime.now whenever.LocalDateTime.now email.utils.formatdate email.utils.localtime
        os.path.getmtime os.path.getctime os.path.getatime os.times timeit.default_timer maya.now
        calendar.timegm dateutil.utils.today freezegun.api.real_time""",
    ),
    **_rows(
        Kind.RANDOM,
        """random.random random.randint random.randrange random.choice random.choices random.sample random.shuffle
        random.uniform random.gauss random.getrandbits random.randbytes random.betavariate random.triangular
        random.normalvariate random.expovariate random.SystemRandom().choice random.SystemRandom().randint
        random.SystemRandom().random random.SystemRandom().sample random.SystemRandom().shuffle
        random.Random().random random.Random().choice random.Random().randint random.Random().sample
        random.Random().shuffle random.Random().choices random.Random().uniform random.Random().randrange
        secrets.choice secrets.randbelow secrets.randbits secrets.SystemRandom().choice
        numpy.random.rand numpy.random.randn numpy.random.randint numpy.random.random numpy.random.choice
        numpy.random.permutation numpy.random.shuffle numpy.random.uniform numpy.random.normal
        numpy.random.default_rng().choice numpy.random.default_rng().integers numpy.random.default_rng().random
        numpy.random.default_rng().permutation numpy.random.default_rng().shuffle torch.rand torch.randint
        torch.randn torch.randperm os.urandom faker.Faker().name faker.Faker().sentence faker.Faker().word""",
    ),
    **_rows(
        Kind.UUID,
        """uuid.uuid1 uuid.uuid4 uuid.uuid6 uuid.uuid7 uuid.uuid8 uuid.getnode secrets.token_hex secrets.token_urlsafe
        secrets.token_bytes shortuuid.uuid shortuuid.ShortUUID().random nanoid.generate ulid.new ulid.ULID ulid.ulid
        ulid.from_timestamp ksuid.ksuid ksuid.Ksuid bson.ObjectId bson.objectid.ObjectId cuid.cuid cuid2.cuid_wrapper
        xid.Xid tempfile.mkdtemp tempfile.mktemp tempfile.mkstemp tempfile.NamedTemporaryFile
        tempfile.TemporaryDirectory uuid_utils.uuid4 uuid_utils.uuid7 uuid6.uuid7 coolname.generate_slug""",
    ),
    **_rows(Kind.IDENTITY, "builtins.hash builtins.id builtins.object"),
    **_rows(
        Kind.ENVIRONMENT,
        """os.getenv os.environ.get os.environ.copy os.environ.items os.environ.setdefault os.environ.pop
        os.getpid os.getppid os.getcwd os.getcwdb os.getlogin os.getuid os.geteuid os.getgid os.uname os.cpu_count
        os.getloadavg os.get_terminal_size shutil.get_terminal_size socket.gethostname socket.getfqdn
        socket.gethostbyname platform.node platform.platform platform.system platform.release platform.version
        platform.machine platform.uname platform.processor platform.python_version platform.mac_ver getpass.getuser
        pathlib.Path.cwd pathlib.Path.home pathlib.Path().absolute pathlib.Path().resolve pathlib.Path().expanduser
        os.path.abspath os.path.realpath os.path.expanduser threading.get_ident threading.current_thread
        threading.get_native_id multiprocessing.current_process asyncio.current_task resource.getrusage
        psutil.virtual_memory psutil.cpu_percent psutil.Process psutil.disk_usage psutil.boot_time psutil.pids
        shutil.disk_usage locale.getlocale locale.getdefaultlocale
        subprocess.run subprocess.check_output subprocess.getoutput subprocess.getstatusoutput subprocess.Popen
        subprocess.call os.popen os.system asyncio.create_subprocess_exec asyncio.create_subprocess_shell
        sh.git git.Repo pygit2.Repository dulwich.repo.Repo plumbum.local importlib.metadata.version
        dotenv.dotenv_values environ.Env decouple.config sys.getrefcount gc.get_count""",
    ),
    **_rows(
        Kind.FILE,
        """builtins.open io.open codecs.open aiofiles.open anyio.open_file os.stat os.path.getsize linecache.getlines
        fileinput.input pathlib.Path().read_text pathlib.Path().read_bytes pathlib.Path().open pathlib.Path().stat
        json.load yaml.safe_load_file tomllib.load toml.load pickle.load numpy.load pandas.read_csv pandas.read_json
        pandas.read_parquet pandas.read_excel anyio.Path().read_text""",
    ),
    **_rows(
        Kind.LISTING,
        """os.listdir os.scandir os.walk os.fwalk glob.glob glob.iglob pathlib.Path().glob pathlib.Path().rglob
        pathlib.Path().iterdir pathlib.Path().walk anyio.Path().iterdir anyio.Path().glob pkgutil.iter_modules
        pkgutil.walk_packages importlib.metadata.entry_points importlib.metadata.distributions
        concurrent.futures.as_completed asyncio.as_completed importlib.resources.contents""",
    ),
    **_rows(
        Kind.RETRIEVAL,
        """requests.get requests.post requests.request httpx.get httpx.post httpx2.get httpx2.post
        urllib.request.urlopen
        requests.put requests.patch httpx.request httpx.stream aiohttp.request urllib3.request
        urllib.request.urlretrieve feedparser.parse wikipedia.summary wikipedia.search trafilatura.fetch_url
        newspaper.Article
        urllib3.PoolManager().request http.client.HTTPSConnection().getresponse
        http.client.HTTPConnection().getresponse redis.Redis().get redis.Redis().hgetall redis.Redis().hget
        redis.Redis().lrange redis.Redis().mget
        redis.StrictRedis().get redis.asyncio.Redis().get redis.asyncio.Redis().hgetall redis.from_url().get
        redis.Redis.from_url().get redis.asyncio.from_url().get pandas.read_sql pandas.read_sql_query
        pandas.read_sql_table boto3.client().get_object boto3.client().get_item boto3.client().query""",
    ),
    **_rows(
        Kind.RETRIEVAL,
        " ".join(
            f"{client}().{verb}"
            for client in (
                "requests.Session",
                "requests.session",
                "httpx.Client",
                "httpx.AsyncClient",
                "aiohttp.ClientSession",
                "requests_cache.CachedSession",
            )
            for verb in ("get", "post", "put", "request", "send", "stream")
        ),
    ),
    **_rows(Kind.REQUEST, "builtins.input contextvars.ContextVar().get"),
    **_rows(
        Kind.WINDOW, "langchain_core.messages.trim_messages langchain.schema.trim_messages litellm.utils.trim_messages"
    ),
}
"""Calls by dotted name; `X()` in a name is an instance of X."""

OWNERS: Final = frozenset(name.rsplit(".", 1)[0] for name in CALLS if ")." in name)
"""Instances that have a method which is a source."""

ATTRIBUTES: Final[dict[str, Kind]] = {
    **_rows(
        Kind.ENVIRONMENT,
        "os.environ sys.argv sys.platform sys.executable sys.version sys.path os.environb "
        "sys.version_info os.name sys.prefix",
    ),
    **_rows(
        Kind.REQUEST,
        "flask.request flask.session flask.g flask_login.current_user streamlit.session_state "
        "streamlit.user bottle.request quart.request",
    ),
}
"""Module attributes that are sources when read."""

METHODS: Final[dict[str, Kind]] = {
    **_rows(Kind.CLOCK, "utcnow timestamp_now"),
    **_rows(Kind.UUID, "uuid4"),
    **_rows(Kind.FILE, "read_text read_bytes"),
    **_rows(Kind.LISTING, "iterdir rglob list_tools imap_unordered scandir"),
    **_rows(
        Kind.RETRIEVAL,
        """similarity_search similarity_search_with_score asimilarity_search max_marginal_relevance_search
        get_relevant_documents aget_relevant_documents vector_search hybrid_search semantic_search
        fetchall fetchone fetchmany fetchrow fetchval scalars scalar_one scalar_one_or_none
        retrieve aretrieve knn_search query_points search_memories""",
    ),
}
"""Methods that are sources on whatever object that is not of the project."""

RETRIEVES: Final = re.compile(
    r"^(?:a?(?:retrieve|search|recall|rerank|lookup)|fetch_(?:docs?|documents|context|articles|chunks|memor|news|page)"
    r"|get_(?:relevant|context|docs|documents|chunks|passages|memor)|find_(?:relevant|similar|docs|documents|chunks)"
    r"|query_(?:docs?|index|kb|vector|knowledge)|(?:semantic|vector|web|hybrid|knn|doc|kb)_?search|rag_)"
)
"""Functions and methods whose name says that they bring what a query finds."""

SEARCHED: Final = re.compile(
    r"retriev|vector|index|collection|chroma|pinecone|qdrant|weaviate|faiss|milvus|elastic|opensearch|knowledge|"
    r"embedd|search|memory|memories|tavily|\.objects$|(?:^|[_.?])(?:kb|rag|db|store|es|conn|connection|pool|cursor|cur|session)$",
    re.IGNORECASE,
)
"""Receivers on which `query`, `search`, `get`, `invoke` is a retrieval."""

REQUEST: Final = re.compile(
    r"^(?:(?:current_|the_|auth_|logged_in_)?(?:user|customer|tenant|account|visitor|caller|patient|student|employee|"
    r"subscriber|member|guest|viewer|profile|principal)(?:_?(?:id|name|names|email|info|profile|data|context|role|tier|"
    r"plan|prefs|preferences|timezone|locale|language|location|record|obj|object))?"
    r"|(?:session|request|req|trace|correlation|conversation|thread|chat|order|ticket|org|organization|workspace|"
    r"message|run|job|device|case|transaction|invoice|span)_?(?:id|uuid)"
    r"|request|http_request|session_data|first_name|last_name|full_name|username|display_name|"
    r"(?:user|client|remote|ip)_?(?:ip|address|addr|agent)|user_(?:input|query|message|question|text|prompt|request)"
    r"|question|query|user_msg|current_user)$"
)
"""Names of values that belong to one request or one user."""

PURE: Final = frozenset(
    [
        "builtins.len",
        "builtins.isinstance",
        "builtins.issubclass",
        "builtins.callable",
        "builtins.hasattr",
        "builtins.type",
        "builtins.print",
        "builtins.range",
        "logging.getLogger",
        "time.sleep",
        "asyncio.sleep",
    ]
)
"""Calls whose result says nothing of what is in their arguments."""

CONTAINERS: Final = frozenset({"list", "tuple", "set", "frozenset", "dict", "sorted", "reversed", "enumerate", "zip"})

_WRAPPED: Final = re.compile(r"\(\)\.")


def source_of(name: str) -> Kind | None:
    """The kind of source a called dotted name is; None for none."""
    kind = CALLS.get(name)
    if kind is None and name.startswith("builtins."):
        return None
    return kind
