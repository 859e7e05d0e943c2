{{ config(materialized='ephemeral') }}
SELECT c_custkey, c_mktsegment AS segment FROM {{ source('lake', 'customer') }}
