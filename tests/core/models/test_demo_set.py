"""The demo set: what it has beside its own prior and restorer, and what a recipe makes of it."""

import pytest
from small_models import write_small_models

from pdgrad_core import embedded
from pdgrad_core.diffusion.priors.idm import IDMPrior
from pdgrad_core.embedded import demo_role
from pdgrad_core.errors import InvalidInputError, UnknownNameError
from pdgrad_core.models.sets import demo_paths, load_model_set
from pdgrad_core.recipes import RECIPES, recipe


@pytest.fixture(autouse=True)
def small_models(tmp_path, monkeypatch):
    monkeypatch.setattr(embedded, "WEIGHTS", write_small_models(tmp_path))


def names(paths):
    return {role: path.name for role, path in paths.items()}


def test_a_further_network_has_its_own_name_as_role():
    assert demo_role("restorer", "demo") == "restorer"
    assert demo_role("restorer", "idm") == demo_role("prior", "idm") == "idm"
    assert demo_role("prior", "guided_diffusion") == "prior"
    assert demo_role("restorer", "codeformer") is None
    assert demo_role("restorer", "guided_diffusion") is None


def test_files_go_by_the_names_of_restorer_and_prior():
    assert names(demo_paths("demo", ("vgg",))) == {
        "prior": "prior.safetensors",
        "vgg": "perceptual.safetensors",
        "restorer": "coarse.safetensors",
    }
    assert names(demo_paths("idm", ())) == {
        "prior": "prior.safetensors",
        "restorer": "idm.safetensors",
    }
    assert names(demo_paths("none", (), "idm")) == {"prior": "idm.safetensors"}


def test_what_is_not_embedded_is_refused_with_what_is():
    with pytest.raises(InvalidInputError, match=r"'codeformer'.* demo, gan-prior, idm, none"):
        load_model_set("demo", restorer="codeformer")
    with pytest.raises(InvalidInputError, match="no discriminator"):
        load_model_set("demo", features=("discriminator",))
    with pytest.raises(UnknownNameError, match="'idn'"):
        load_model_set("demo", restorer="idn")


def test_one_file_is_one_network():
    models = load_model_set("demo", restorer="idm", prior="idm", features=())
    assert isinstance(models.prior, IDMPrior)
    assert models.prior is models.restorer.own_prior
    apart = load_model_set("demo", restorer="demo", prior="idm", features=())
    assert isinstance(apart.prior, IDMPrior)
    assert apart.restorer.own_prior is None


@pytest.mark.parametrize("name", RECIPES)
def test_only_what_a_recipe_samples_is_loaded(name):
    row = recipe(name)
    restorer = row.restorer_with(True) or "demo"
    paths = demo_paths(restorer, (), row.prior_kind)
    expected = "idm.safetensors" if name.startswith("idm") else "prior.safetensors"
    assert paths["prior"].name == expected
