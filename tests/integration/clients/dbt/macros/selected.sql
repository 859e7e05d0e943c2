{#- A materialization that runs the model's query and makes nothing of it: what `run` can do where nothing is written. -#}
{% materialization selected, default %}
  {% call statement('main', fetch_result=True) %}{{ sql }}{% endcall %}
  {% if load_result('main')['table'].rows | length == 0 %}{{ exceptions.raise_compiler_error('no rows') }}{% endif %}
  {{ return({'relations': []}) }}
{% endmaterialization %}
