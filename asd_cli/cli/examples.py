"""Examples of every command: what each is for, and the line to copy."""

from collections.abc import Mapping

Example = tuple[str, str]
EXAMPLES: Mapping[str, tuple[Example, ...]] = {
    "demo": (
        ("a synthetic set in ./asd_demo, by the baseline and the default detector", "asd demo"),
        ("by one detector alone", "asd demo --detector pooled-speed"),
        ("the figures for a program", "asd demo --format json"),
    ),
    "doctor": (
        ("what is installed and what is missing", "asd doctor"),
        ("compare the features of this machine with librosa's", "asd doctor --reference"),
        ("for a report of a fault", "asd doctor --format json"),
    ),
    "help": (
        ("all commands", "asd help"),
        ("one command", "asd help train"),
        ("what a word means", "asd help glossary"),
    ),
    "train": (
        ("own recordings of normal sound", "asd train --data recordings/ --machine fan-3"),
        ("a machine type of the challenge", "asd train --machine pump"),
        ("another detector, another setting", "asd train --detector pooled-knn --set seed=7"),
    ),
    "score": (
        ("a folder of new recordings", "asd score new/ --machine fan-3"),
        ("from a script: exit status 9 where one is anomalous",
         "asd score new.wav --machine fan-3 --fail-on-anomaly -q"),
        ("the evaluation set of the challenge", "asd score --mode eval --machine fan"),
    ),
    "report": (
        ("write the page and open it", "asd report --open"),
        ("several systems side by side", "asd report result/dev/robust result/dev/pooled-knn"),
        ("as text", "asd report --format md"),
    ),
    "sweep": (
        ("two detectors, five seeds, all machines",
         "asd sweep --detector pooled-knn --detector mobilenetv2"),
        ("values of a setting", "asd sweep --seeds 1-20 --vary feature.n_mels=64,128"),
        ("what would be run on a cluster",
         "asd sweep --detector discriminative --executor slurm --dry-run"),
    ),
    "pack": (
        ("a folder into shards of 512 MB", "asd pack recordings/ -o 'shards/{000000..}.tar'"),
        ("half as large, the same samples",
         "asd pack dev_data/ -o 'dev_shards/{000000..}.tar' --flac"),
        ("into an object store", "asd pack recordings/ -o 's3://bucket/fan-3/{000000..}.tar'"),
    ),
    "inspect": (
        ("a folder of recordings", "asd inspect recordings/"),
        ("with sounds and pictures", "asd inspect recordings/ --report recordings.html"),
        ("for a program", "asd inspect recordings/ --format json"),
    ),
    "update": (
        ("a false alarm is normal", 'asd update --machine fan-3 --normal "new/false alarm.wav"'),
        ("a new operating state", "asd update --machine fan-3 --normal state-2/"),
        ("see the versions", "asd models show fan-3"),
    ),
    "rebaseline": (
        ("after maintenance",
         'asd rebaseline --machine fan-3 --data after/ --reason "bearing replaced"'),
        ("back to the version before", "asd models rollback fan-3"),
        ("see the versions", "asd models show fan-3"),
    ),
    "export": (
        ("one file with everything", "asd export --machine fan-3 -o fan-3.onnx"),
        ("compare on recordings of your own",
         "asd export --machine fan-3 -o fan-3.onnx --check new/"),
        ("a folder for the Hugging Face hub", "asd export --machine fan-3 --hub fan-3-hub"),
    ),
    "alarms": (
        ("what the recordings can promise", "asd alarms --machine fan-3"),
        ("what would have rung last week",
         "asd alarms --machine fan-3 --data last-week/ --false-alarms 1/month"),
        ("for a program", "asd alarms --machine fan-3 --format json"),
    ),
    "watch": (
        ("a folder that a recorder fills", "asd watch /mnt/recorder --machine fan-3"),
        ("from cron: what is new, then end", "asd watch in/ --machine fan-3 --once"),
        ("a page and a broker",
         "asd watch in/ --machine fan-3 --page status.html --mqtt broker"),
    ),
    "listen": (
        ("raw samples from another program", "asd listen --machine fan-3 --stdin --rate 16000"),
        ("a stream", "asd listen --machine fan-3 --url rtsp://camera/audio"),
        ("a microphone", "asd listen --machine fan-3 --device hw:1"),
    ),
    "status": (
        ("all machines", "asd status"),
        ("no alarms for a shift", "asd status --machine fan-3 --shelve 8h"),
        ("for a program", "asd status --format json"),
    ),
    "models": (
        ("the models of own machines", "asd models list"),
        ("all versions of one", "asd models show fan-3"),
        ("back to the version before", "asd models rollback fan-3"),
    ),
    "models list": (
        ("the model in use of each machine", "asd models list"),
        ("for a program", "asd models list --format json"),
        ("as a table for a document", "asd models list --format md"),
    ),
    "models show": (
        ("all versions of a machine", "asd models show fan-3"),
        ("for a program", "asd models show fan-3 --format json"),
        ("as a table for a document", "asd models show fan-3 --format md"),
    ),
    "models remove": (
        ("one version", "asd models remove fan-3 --version 1"),
        ("everything of a machine", "asd models remove fan-3 --all"),
        ("see what there is first", "asd models show fan-3"),
    ),
    "models rollback": (
        ("the version before", "asd models rollback fan-3"),
        ("a certain one", "asd models rollback fan-3 --version 2"),
        ("see what there is first", "asd models show fan-3"),
    ),
    "fetch": (
        ("the development set of one machine type", "asd fetch --stage dev --machine fan"),
        ("what it would take", "asd fetch --stage all --dry-run"),
        ("from a folder of archives, without network", "asd fetch --stage dev --from archives/"),
    ),
    "extract": (
        ("features of all recordings", "asd extract"),
        ("of one machine type, two processes", "asd extract --machine fan --jobs 2"),
        ("what was done, for a program", "asd extract --mode eval --format json"),
    ),
    "run": (
        ("everything for one machine type", "asd run --machine fan"),
        ("by another detector", "asd run --detector pooled-speed+texture"),
        ("the evaluation set of another edition", "asd run --mode eval --edition 2023"),
    ),
    "evaluate": (
        ("own scores", "asd evaluate --detector robust"),
        ("other systems, with intervals", "asd evaluate team-a team-b --confidence 0.95"),
        ("for a program", "asd evaluate --format json"),
    ),
    "submit": (
        ("check own scores and pack them", "asd submit --detector robust"),
        ("a folder, a name", "asd submit result/eval/robust -o Name_Team_task2_1.zip"),
        ("with the official names of clips", "asd submit --ground-truth labels/"),
    ),
    "detectors": (
        ("all of them", "asd detectors"),
        ("for a document", "asd detectors --format md"),
        ("for a program", "asd detectors --format json"),
    ),
    "select": (
        ("rank the usual candidates", "asd select --machine fan"),
        ("two of one's own",
         "asd select --candidate pooled-knn --candidate pooled-gmm"),
        ("a candidate with a setting", "asd select --candidate pooled-knn:backend.neighbors=2"),
    ),
    "config": (
        ("what is in force, and why", "asd config show --origin"),
        ("a file that explains every setting", "asd config init"),
        ("is a file right?", "asd config validate baseline.yaml"),
    ),
    "config show": (
        ("what is in force, and why", "asd config show --origin"),
        ("with another file", "asd config show --config other.yaml"),
        ("with a setting changed", "asd config show --set fit.epochs=5"),
    ),
    "config validate": (
        ("the usual file", "asd config validate baseline.yaml"),
        ("another one", "asd config validate other.yaml"),
        ("see every setting", "asd config init --stdout"),
    ),
    "config init": (
        ("write ./baseline.yaml", "asd config init"),
        ("look at it only", "asd config init --stdout"),
        ("then see what is in force", "asd config show --origin"),
    ),
}  # fmt: skip
