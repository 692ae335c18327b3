# The image of the API, the scheduler and the workers: `docker compose build`, or `docker build -t tongcang:0.1.0 .`
# Dependencies are those of constraints.txt, wheels only: neither stage needs a compiler.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /source
# Without pip: what runs needs none.
RUN python -m venv --without-pip /opt/tongcang
# First what seldom changes, so that an edit of the code doesn't fetch everything again.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
      > requirements.txt \
 && pip --python /opt/tongcang/bin/python install --only-binary :all: -c constraints.txt -r requirements.txt \
 && pip install --only-binary :all: -c constraints.txt setuptools
COPY README.md ./
COPY mappings mappings
COPY store store
COPY harvester harvester
COPY routing routing
COPY indexer indexer
COPY search_api search_api
COPY tongcang tongcang
RUN pip wheel --no-build-isolation --no-deps --wheel-dir wheels . \
 && pip --python /opt/tongcang/bin/python install --no-deps wheels/*.whl

FROM python:3.11-slim-bookworm
# A fixed number, so that the owner of volumes and deliveries can be told from outside.
RUN groupadd --gid 10001 tongcang \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/tongcang --shell /usr/sbin/nologin tongcang \
 && install -d -o 10001 -g 10001 -m 0750 /var/lib/tongcang
COPY --from=build /opt/tongcang /opt/tongcang
ENV PATH=/opt/tongcang/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    TONGCANG_DATA=/var/lib/tongcang \
    TONGCANG_HOST=0.0.0.0
WORKDIR /var/lib/tongcang
VOLUME /var/lib/tongcang
USER 10001:10001
EXPOSE 8000
# Of `serve`. It asks for what comes from the store: while the search engine is away the API still finds holders, and
# nobody should take it out of service.
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=4 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/api/libraries', timeout=8)"]
ENTRYPOINT ["tongcang"]
CMD ["serve"]
